"""From the rounds of a measurement to a metric: summary, merged histogram, and every doubt that the values raise."""

from collections.abc import Sequence
from dataclasses import dataclass

from probes.measure.histogram import FloatArray, Histogram
from probes.measure.result import Better, Facts, Metric
from probes.measure.stability import judge_rounds, judge_samples
from probes.measure.summary import summarize_histograms, summarize_rounds, summarize_samples
from probes.measure.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a metric is, before anything was measured; the fields are those of `Metric`."""

    name: str
    title: str
    unit: Unit
    better: Better
    conditions: Facts


def from_samples(described: Description, rounds: Sequence[FloatArray]) -> Metric:
    """Build the metric of exact samples, one array a round (in order, as measured). Raises ValueError without samples."""


def from_histograms(
    described: Description, rounds: Sequence[Histogram], *, minimum: float, maximum: float, mean: float
) -> Metric:
    """Build the metric of samples that arrive in buckets, one histogram a round."""


def from_rates(described: Description, values: Sequence[float]) -> Metric:
    """Build the metric of one rate or share a round."""
