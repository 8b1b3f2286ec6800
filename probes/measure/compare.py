"""Is the candidate worse than the baseline? One verdict for each metric that both sides measured alike.

Runs are the unit of replication: a metric's value in a run is its median there, and what counts is how much these
values differ between the runs of a side. `docs/comparing.md` explains every rule and shows how often it errs.
"""

from collections.abc import Sequence

import numpy as np

from probes.measure.bootstrap import MedianBootstrap
from probes.measure.comparison import Comparison, Group, MetricComparison, Side, Verdict
from probes.measure.evidence import Evidence, gather
from probes.measure.likeness import match
from probes.measure.result import Better, RunResult
from probes.measure.significance import benjamini_hochberg
from probes.measure.verdict import Rules, decide


def compare(
    baseline: Sequence[RunResult],
    candidate: Sequence[RunResult],
    *,
    rng: np.random.Generator,
    margin: float = 0.05,
    confidence: float = 0.95,
    power: float = 0.95,
) -> Comparison:
    """Compare two sets of runs, metric by metric.

    A change by a factor of up to 1 + `margin` doesn't matter. `confidence` is that of every interval, and the
    probability that nothing is called changed where nothing did. `power` is the probability with which the recommended
    number of runs finds a change of `margin`; by default a miss is as rare as a false alarm, since a check that
    overlooks every fifth regression (the usual 80 %) costs more than the two thirds of runs it saves.

    Raises ValueError where a side is empty or holds a run twice, and for numbers that make no sense.
    """
    if not (margin > 0 and 0.5 < confidence < 1 and 0.5 < power < 1):
        raise ValueError(
            f"margin {margin}, confidence {confidence}, power {power}: "
            f"the margin must be positive, the others lie between 0.5 and 1"
        )
    runs = {Side.BASELINE: baseline, Side.CANDIDATE: candidate}
    _check(runs)
    likeness = match(runs)
    bootstrap = MedianBootstrap(confidence=confidence, rng=rng)
    evidences = [gather(measured, bootstrap) for measured in likeness.alike]
    rules = Rules(margin=margin, confidence=confidence, power=power, metrics=len(evidences))
    return Comparison(
        baseline_runs=len(baseline),
        candidate_runs=len(candidate),
        margin=margin,
        confidence=confidence,
        power=power,
        metrics=_judged(evidences, rules),
        incomparable=likeness.incomparable,
        absences=likeness.absences,
        notes=likeness.notes,
    )


def regressions(comparison: Comparison, beyond: float) -> tuple[MetricComparison, ...]:
    """Return the metrics that are worse by more than the share `beyond` of the baseline's median, such as 0.10.

    Both must hold: the verdict `worse`, which chance explains badly, and the size. A latency of 111 % and a throughput
    of 89 % are beyond 0.10. Where the baseline is zero, any worsening is. Raises ValueError for a negative share.
    """
    if not beyond >= 0:
        raise ValueError(f"a regression beyond {beyond}: the share can't be negative")
    return tuple(
        metric
        for metric in comparison.metrics
        if metric.verdict is Verdict.WORSE and _loss(metric) > beyond * abs(metric.baseline.median)
    )


def _loss(metric: MetricComparison) -> float:
    return -metric.difference.value if metric.better is Better.HIGHER else metric.difference.value


def _check(runs: dict[Side, Sequence[RunResult]]) -> None:
    for side, given in runs.items():
        if not given:
            raise ValueError(f"the {side} has no run: give at least one")
        seen = set()
        for run in given:
            if run.run_id in seen:
                raise ValueError(f"the {side} holds run {run.run_id} twice: a copy is no further evidence")
            seen.add(run.run_id)


def _judged(evidences: Sequence[Evidence], rules: Rules) -> tuple[MetricComparison, ...]:
    """Adjust the p-values of all metrics together, then judge each."""
    tested = [evidence.p_value for evidence in evidences if evidence.p_value is not None]
    adjusted = iter(benjamini_hochberg(tested))
    return tuple(
        _judge(evidence, None if evidence.p_value is None else next(adjusted), rules) for evidence in evidences
    )


def _judge(evidence: Evidence, adjusted_p_value: float | None, rules: Rules) -> MetricComparison:
    decision = decide(evidence, adjusted_p_value, rules)
    baseline, candidate = (
        Group(values=tuple(values.tolist()), median=float(np.median(values)))
        for values in (evidence.values[side] for side in Side)
    )
    return MetricComparison(
        probe=evidence.probe,
        name=evidence.metric.name,
        title=evidence.metric.title,
        unit=evidence.metric.unit,
        better=evidence.metric.better,
        verdict=decision.verdict,
        reason=decision.reason,
        caveats=decision.caveats,
        further_runs=decision.further_runs,
        replication=evidence.replication,
        baseline=baseline,
        candidate=candidate,
        ratio=evidence.ratio,
        difference=evidence.difference,
        p_value=evidence.p_value,
        adjusted_p_value=adjusted_p_value,
        cliffs_delta=evidence.cliffs_delta,
        tails=evidence.tails,
        doubts=evidence.doubts,
    )
