"""The record of a comparison: every metric with its verdict, and everything that was not compared, with the reason."""

from enum import StrEnum

from probes.measure.bootstrap import ConfidenceInterval
from probes.measure.record import Record
from probes.measure.result import Better, Scalar
from probes.measure.stability import Flag
from probes.measure.summary import Interval
from probes.measure.units import Unit

MOST_RUNS_TOLD = 100
"""Beyond this many, the exact number of runs that would help is of no help: a reader is told that it is more."""


class Verdict(StrEnum):
    """What the candidate is against the baseline."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """The whole interval lies within the margin: a difference that matters is excluded."""
    CHANGED = "changed"
    """Different, in a metric of which neither direction is good."""
    INCONCLUSIVE = "inconclusive"
    """Neither a difference nor its absence is shown."""


class Side(StrEnum):
    """One of the two sets of runs."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


class Replication(StrEnum):
    """What the values of a group are."""

    RUNS = "runs"
    """One value a run: what changes between runs is in them."""
    ROUNDS = "rounds"
    """The rounds of a single run: what changes between runs is not in them."""


class Caveat(StrEnum):
    """What a reader of one verdict must know; `docs/comparing.md` explains each."""

    SINGLE_RUNS = "single-runs"
    """One run a side: the spread between runs is assumed, not measured."""
    FEW_RUNS = "few-runs"
    """Too few runs a side for the interval to be trusted, or for any difference to be significant."""
    NO_RATIO = "no-ratio"
    """Values of zero or below: judged by difference and ranks."""


class Estimate(Record):
    """A ratio or a difference, candidate against baseline, with its bootstrap interval."""

    value: float
    interval: ConfidenceInterval | None
    """None where a side has a single value. Over rounds it says nothing of other runs."""


class Group(Record):
    """The values of one side, in the metric's unit."""

    values: tuple[float, ...]
    median: float


class TailRatio(Record):
    """How a high percentile compares: evidence beside the verdict, which it never decides."""

    percentile: str
    baseline: float
    candidate: float
    ratio: float
    interval: Interval
    """Over all samples as if they were independent: too narrow when they are not, and blind to other runs."""


class Doubt(Record):
    """A flag of a metric, or of its whole probe, on one side."""

    side: Side
    flag: Flag
    """As the first of the runs tells it."""
    runs: int
    """How many of the side's runs carry this code."""


class MetricComparison(Record):
    """One metric that both sides measured alike."""

    probe: str
    name: str
    title: str
    unit: Unit
    better: Better
    verdict: Verdict
    reason: str
    """The verdict in a sentence a person understands."""
    caveats: tuple[Caveat, ...]
    further_runs: int | None
    """What an inconclusive metric lacks, in runs a side; None for other verdicts, and where the spread is unknown."""
    replication: Replication
    baseline: Group
    candidate: Group
    ratio: Estimate | None
    """Of the medians; None unless all values are positive."""
    difference: Estimate
    """Of the medians, in the metric's unit."""
    p_value: float | None
    """Mann-Whitney over runs; for single runs by the assumed spread between runs, None where none can be assumed."""
    adjusted_p_value: float | None
    """By Benjamini-Hochberg over all metrics of this comparison."""
    cliffs_delta: float
    """P(candidate > baseline) - P(candidate < baseline) over all pairs of values."""
    tails: tuple[TailRatio, ...]
    doubts: tuple[Doubt, ...]


class Difference(Record):
    """A field that is not the same in all runs; None stands for absent."""

    probe: str | None
    """None for a field of the whole run."""
    metric: str | None
    """None for a field of the whole probe or run."""
    field: str
    """Such as `conditions.engine`."""
    baseline: tuple[Scalar | None, ...]
    """The distinct values among the baseline's runs."""
    candidate: tuple[Scalar | None, ...]


class Absence(Record):
    """A probe or metric that some runs of a side lack."""

    probe: str
    metric: str | None
    """None where the whole probe is absent."""
    side: Side
    runs: int
    """How many of the side's runs lack it."""
    reason: str


class Comparison(Record):
    """A candidate against a baseline."""

    baseline_runs: int
    candidate_runs: int
    margin: float
    confidence: float
    power: float
    metrics: tuple[MetricComparison, ...]
    incomparable: tuple[Difference, ...]
    """What forbids to compare a metric, or all metrics of a probe."""
    absences: tuple[Absence, ...]
    notes: tuple[Difference, ...]
    """What differs and is allowed to: the machine, its kernel, tools, the directory or server that was measured."""
