"""From the evidence on one metric to its verdict, in a fixed order: the same, changed for better or worse, unknown."""

import math
from dataclasses import dataclass

import numpy as np

from probes.measure.comparison import MOST_RUNS_TOLD, Caveat, Replication, Side, Verdict
from probes.measure.evidence import ASSUMED_SPREAD, Evidence
from probes.measure.power import runs_to_detect, runs_to_exclude, runs_to_reach
from probes.measure.result import Better
from probes.measure.units import format_quantity

# The expanded bootstrap of a ratio of medians covers the truth in 99 % of simulated groups of five (nominal 95 %; four:
# 97 %, three: 89 %), for normal, skewed, heavy-tailed, uniform and coarsely rounded values alike.
FEWEST_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is asked of the verdicts of one comparison."""

    margin: float
    """A factor of up to 1 + `margin` in either direction doesn't matter."""
    confidence: float
    """Of each interval, and that no verdict of the whole comparison is a false alarm where nothing changed."""
    power: float
    """The probability to find a change of `margin` with the number of runs that is recommended."""
    metrics: int
    """How many are compared at once."""

    @property
    def level(self) -> float:
        """The largest adjusted p-value that counts as a difference."""
        return 1 - self.confidence

    @property
    def lone_level(self) -> float:
        """What the p-value of a metric must reach when no other metric has changed."""
        return self.level / self.metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on one metric; the fields are those of `MetricComparison`."""

    verdict: Verdict
    reason: str
    caveats: tuple[Caveat, ...]
    further_runs: int | None = None


def decide(evidence: Evidence, adjusted_p_value: float | None, rules: Rules) -> Decision:
    """Judge one metric: `same` comes first, so that a difference too small to matter is none, however certain."""
    caveats = _caveats(evidence, rules)
    if _within_margin(evidence, rules.margin):
        reason = f"{_change(evidence)}: a change beyond ±{rules.margin:.0%} is excluded"
        return Decision(verdict=Verdict.SAME, reason=reason, caveats=caveats)
    # Ranks and medians that disagree on the direction show a difference of shape, which is neither better nor worse.
    agree = evidence.cliffs_delta * evidence.difference.value > 0
    if adjusted_p_value is not None and adjusted_p_value <= rules.level and agree:
        reason = f"{_change(evidence)}, {_significance(evidence, adjusted_p_value, rules)}"
        return Decision(verdict=_direction(evidence), reason=reason, caveats=caveats)
    further = _further_runs(evidence, rules)
    return Decision(
        verdict=Verdict.INCONCLUSIVE,
        reason=_why_unknown(evidence, further, rules),
        caveats=caveats,
        further_runs=further,
    )


def _caveats(evidence: Evidence, rules: Rules) -> tuple[Caveat, ...]:
    single = evidence.replication is Replication.ROUNDS
    few = evidence.fewest_runs < max(FEWEST_RUNS, runs_to_reach(rules.lone_level))
    told = {Caveat.SINGLE_RUNS: single, Caveat.FEW_RUNS: few and not single, Caveat.NO_RATIO: evidence.ratio is None}
    return tuple(caveat for caveat, holds in told.items() if holds)


def _within_margin(evidence: Evidence, margin: float) -> bool:
    """Tell whether the interval is to be trusted and excludes every change that matters."""
    if evidence.fewest_runs < FEWEST_RUNS:
        return False
    if evidence.ratio is not None:
        interval, low, high = evidence.ratio.interval, 1 / (1 + margin), 1 + margin
    else:
        reach = margin * min(abs(_median(evidence, side)) for side in Side)
        interval, low, high = evidence.difference.interval, -reach, reach
    return interval is not None and low <= interval.low and interval.high <= high


def _direction(evidence: Evidence) -> Verdict:
    better = evidence.metric.better
    if better is Better.NEITHER:
        return Verdict.CHANGED
    rises = evidence.difference.value > 0
    return Verdict.BETTER if rises == (better is Better.HIGHER) else Verdict.WORSE


def _further_runs(evidence: Evidence, rules: Rules) -> int | None:
    """Runs a side that the smaller side lacks to find a change of the margin; once it has them, to exclude one."""
    has, spread = evidence.fewest_runs, evidence.spread
    if spread is None:
        lacking = max(FEWEST_RUNS, runs_to_reach(rules.lone_level)) - has
        return lacking if lacking > 0 else None
    needed = max(FEWEST_RUNS, runs_to_detect(rules.margin, spread, level=rules.lone_level, power=rules.power))
    if needed <= has:
        needed = runs_to_exclude(rules.margin, spread, confidence=rules.confidence, power=rules.power)
    return max(1, needed - has)


def _change(evidence: Evidence) -> str:
    unit = evidence.metric.unit
    if evidence.ratio is None:
        before, after = (format_quantity(_median(evidence, side), unit) for side in Side)
        return f"from {before} to {after}"
    interval = evidence.ratio.interval
    within = f" ({interval.low - 1:+.1%} to {interval.high - 1:+.1%})" if interval else ""
    return f"{evidence.ratio.value - 1:+.1%}{within}"


def _significance(evidence: Evidence, adjusted_p_value: float, rules: Rules) -> str:
    p_value = f"p = {adjusted_p_value:.2g} adjusted for {rules.metrics} metrics"
    if evidence.replication is Replication.RUNS:
        return p_value
    usual = f"even where one run is as a rule {math.exp(ASSUMED_SPREAD):.1f} times another"
    return f"farther apart than chance puts single runs, {usual} ({p_value})"


def _why_unknown(evidence: Evidence, further: int | None, rules: Rules) -> str:
    if evidence.replication is Replication.ROUNDS:
        return (
            f"{_change(evidence)} between one run and one run, which can't show how much runs differ: "
            f"measure at least {further} more on each side"
        )
    unknown = f"{_change(evidence)}: neither a difference nor its absence is certain"
    if further is None:
        return f"{unknown}, and values of zero don't tell how many runs would be"
    return f"{unknown}; {_runs(further)} on each side would show a change of {rules.margin:.0%}"


def _runs(further: int) -> str:
    if further > MOST_RUNS_TOLD:
        return f"more than {MOST_RUNS_TOLD} more runs"
    return f"about {further} more {'run' if further == 1 else 'runs'}"


def _median(evidence: Evidence, side: Side) -> float:
    return float(np.median(evidence.values[side]))
