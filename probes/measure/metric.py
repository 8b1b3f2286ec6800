"""From the rounds of a measurement to a metric: summary, merged histogram, and every doubt that the values raise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probes.measure.histogram import FloatArray, Histogram
from probes.measure.result import Better, Facts, Metric
from probes.measure.stability import Flag, judge_order, judge_rounds, judge_samples
from probes.measure.summary import SortedValues, Summary, summarize_histograms, summarize_rounds, summarize_samples
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
    """Build the metric of exact samples, one array a round (in order, as measured). Raises ValueError without samples.

    A round without samples counts for nothing; a round's value is its median.
    """
    filled = [values for values in rounds if values.size]
    summary = summarize_samples(filled)
    histogram = Histogram.of(np.concatenate(filled))
    values = tuple(SortedValues(samples).quantile(0.5) for samples in filled)
    flags = (*judge_rounds(values, summary), *judge_order(filled), *judge_samples(histogram, summary, described.unit))
    return _metric(described, values, summary, histogram, flags)


def from_histograms(
    described: Description, rounds: Sequence[Histogram], *, minimum: float, maximum: float, mean: float
) -> Metric:
    """Build the metric of samples that arrive in buckets, one histogram a round. Raises ValueError without samples.

    The order of samples is lost in a histogram, so that only drift from round to round can be seen.
    """
    filled = [histogram for histogram in rounds if histogram.count]
    summary = summarize_histograms(filled, minimum=minimum, maximum=maximum, mean=mean)
    histogram = Histogram.merged(filled)
    values = tuple(part.quantile(0.5) for part in filled)
    flags = (*judge_rounds(values, summary), *judge_samples(histogram, summary, described.unit))
    return _metric(described, values, summary, histogram, flags)


def from_rates(described: Description, values: Sequence[float]) -> Metric:
    """Build the metric of one rate or share a round. Raises ValueError without a round."""
    summary = summarize_rounds(values)
    return _metric(described, tuple(values), summary, None, judge_rounds(values, summary))


def _metric(
    described: Description,
    rounds: tuple[float, ...],
    summary: Summary,
    histogram: Histogram | None,
    flags: tuple[Flag, ...],
) -> Metric:
    return Metric(
        name=described.name,
        title=described.title,
        unit=described.unit,
        better=described.better,
        conditions=described.conditions,
        rounds=rounds,
        summary=summary,
        histogram=histogram,
        flags=flags,
    )
