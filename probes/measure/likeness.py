"""Which results may be compared: what was asked for and every condition must be equal, surroundings need not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probes.measure.comparison import Absence, Difference, Side
from probes.measure.result import Facts, Metric, ProbeResult, RunResult, Scalar, Status

# What a comparison may be between: the disks of two directories, two servers. All else in a spec says how to measure.
_SUBJECT = frozenset({"path", "server"})

Runs = Mapping[Side, Sequence[RunResult]]
Measured = Mapping[Side, Sequence[tuple[ProbeResult, Metric]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What of two sets of runs can be compared, and all that can't or is not the same."""

    alike: Sequence[Measured]
    """For each metric that both sides measured alike, its occurrences with the results they stand in."""
    incomparable: tuple[Difference, ...]
    absences: tuple[Absence, ...]
    notes: tuple[Difference, ...]


def match(runs: Runs) -> Likeness:
    """Pair the metrics of both sides by probe and name."""
    alike: list[Measured] = []
    incomparable: list[Difference] = []
    absences: list[Absence] = []
    notes = _differences(None, None, {side: [_surroundings(run) for run in runs[side]] for side in Side})
    for probe in _names(result.probe for side in Side for run in runs[side] for result in run.results):
        measured = {side: [result for run in runs[side] for result in _measured(run, probe)] for side in Side}
        absences += [absence for side in Side for absence in _absent_probe(probe, side, runs[side])]
        if not all(measured.values()):
            continue
        notes += _differences(probe, None, {side: [_subject(result) for result in measured[side]] for side in Side})
        unlike = _differences(probe, None, {side: [_method(result) for result in measured[side]] for side in Side})
        incomparable += unlike
        for name in _names(metric.name for side in Side for result in measured[side] for metric in result.metrics):
            found = {side: _occurrences(measured[side], name) for side in Side}
            absences += [
                Absence(probe=probe, metric=name, side=side, runs=lacking, reason="the probe ran without this metric")
                for side in Side
                if (lacking := len(measured[side]) - len(found[side]))
            ]
            if unlike or not all(found.values()):
                continue
            differing = _differences(
                probe, name, {side: [_conditions(metric) for _, metric in found[side]] for side in Side}
            )
            incomparable += differing
            if not differing:
                alike.append(found)
    return Likeness(alike=alike, incomparable=tuple(incomparable), absences=tuple(absences), notes=tuple(notes))


def _measured(run: RunResult, probe: str) -> list[ProbeResult]:
    return [result for result in run.results if result.probe == probe and result.status is Status.MEASURED]


def _occurrences(results: Sequence[ProbeResult], name: str) -> list[tuple[ProbeResult, Metric]]:
    return [(result, metric) for result in results for metric in result.metrics if metric.name == name]


def _absent_probe(probe: str, side: Side, runs: Sequence[RunResult]) -> Iterable[Absence]:
    """One entry for each reason why runs of a side have no values of the probe."""
    reasons = [
        next((result.reason or "no reason was given" for result in run.results if result.probe == probe), "not run")
        for run in runs
        if not _measured(run, probe)
    ]
    for reason in _names(reasons):
        yield Absence(probe=probe, metric=None, side=side, runs=reasons.count(reason), reason=reason)


def _surroundings(run: RunResult) -> Facts:
    return {"version": run.version, "target": run.target} | _prefixed("environment", run.environment)


def _subject(result: ProbeResult) -> Facts:
    """What was measured and with which tools. Numbers among the facts are measurements, which differ always."""
    identity = {key: value for key, value in result.facts.items() if isinstance(value, bool | str)}
    subject = {key: value for key, value in result.spec.items() if key in _SUBJECT}
    return _prefixed("spec", subject) | _prefixed("facts", identity) | _prefixed("tools", result.tools)


def _method(result: ProbeResult) -> Facts:
    return _prefixed("spec", {key: value for key, value in result.spec.items() if key not in _SUBJECT})


def _conditions(metric: Metric) -> Facts:
    return {"unit": metric.unit.value, "better": metric.better.value} | _prefixed("conditions", metric.conditions)


def _prefixed(prefix: str, fields: Mapping[str, Scalar]) -> Facts:
    return {f"{prefix}.{key}": value for key, value in fields.items()}


def _differences(probe: str | None, metric: str | None, sides: Mapping[Side, Sequence[Facts]]) -> list[Difference]:
    """Return the fields that don't have one and the same value everywhere, within a side or between them."""
    found = []
    for field in _names(key for fields in sides.values() for each in fields for key in each):
        values = {side: tuple(dict.fromkeys(each.get(field) for each in sides[side])) for side in Side}
        if len({value for side in Side for value in values[side]}) > 1:
            baseline, candidate = values[Side.BASELINE], values[Side.CANDIDATE]
            found.append(Difference(probe=probe, metric=metric, field=field, baseline=baseline, candidate=candidate))
    return found


def _names(values: Iterable[str]) -> list[str]:
    """Return them once each, in the order of their first appearance."""
    return list(dict.fromkeys(values))
