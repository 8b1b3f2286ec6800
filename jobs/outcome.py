"""From what the steps of a run brought to one result of each probe. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.collect import Collected, unavailable
from jobs.merge import merged
from jobs.plan import Plan
from jobs.reasons import several
from jobs.startup_metrics import ServiceStart, Wave, objective, pod_metrics, pull_metric, service_metrics
from jobs.step import Measure, PodStartup, ServiceStartup, Step
from jobs.timeline import Milestone, Pull, Startup
from probes.measure.result import Facts, Phase, PhaseKind, ProbeResult, Status
from probes.measure.stability import Flag, FlagCode
from probes.probe import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one step brought; begin and end in seconds of the launcher's monotonic clock."""

    step: Step
    begin: float
    end: float
    collected: Collected | None = None
    waves: Sequence[Wave] = ()
    services: Sequence[ServiceStart] = ()
    measurement: Measurement | None = None
    doubts: Sequence[Flag] = ()
    """About the machine of the launcher, where times were taken there."""
    problem: str | None = None
    """Why it brought nothing, or not all of its repetitions."""
    stopped: bool = False
    """Whether it was stopped before it could bring anything, which is no result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was watched during the whole run."""

    startups: Sequence[Startup]
    pulls: Mapping[str, Pull]
    """By the pods' uids."""
    begin: float
    """Of the run, by the launcher's monotonic clock."""


def results(plan: Plan, done: Sequence[Done], seen: Watched) -> tuple[ProbeResult, ...]:
    """Return one result of each probe of which a step has ended by itself, in the order of the request."""
    found: list[ProbeResult] = []
    for probe in plan.request.probes:
        planned = sum(probe_of(step) == probe for step in plan.steps)
        ended = [each for each in done if probe_of(each.step) == probe and not each.stopped]
        result = _result(probe, plan, ended, seen)
        if result is not None:
            found.append(_with_gap(result, planned=planned, ended=len(ended)))
    return tuple(found)


def probe_of(step: Step) -> str:
    """Return the name of the probe that a step belongs to."""
    if isinstance(step, Measure):
        return step.probe
    return "startup" if isinstance(step, PodStartup | ServiceStartup) else "utilization"


def _result(probe: str, plan: Plan, done: Sequence[Done], seen: Watched) -> ProbeResult | None:
    if not done:
        return None
    spec: Facts = {"profile": plan.request.profile.value}
    phases = tuple(_phase(each, seen.begin) for each in done)
    if probe == "startup":
        return _startup(done, seen, spec, phases)
    if probe == "utilization":
        return _utilization(done[0], spec, phases)
    collected = [
        each.collected or Collected(result=unavailable(probe, each.problem or ""), what=_what(each.step))
        for each in done
    ]
    return merged(probe, collected, phases=phases)


def _with_gap(result: ProbeResult, *, planned: int, ended: int) -> ProbeResult:
    """Add to what a stopped run brought that it is a part only."""
    if ended == planned:
        return result
    reason = f"not all was measured: the run was stopped before {planned - ended} of {planned} steps had ended"
    return result.model_copy(update={"flags": (*result.flags, Flag(code=FlagCode.PARTIAL, reason=reason))})


def _startup(done: Sequence[Done], seen: Watched, spec: Facts, phases: tuple[Phase, ...]) -> ProbeResult:
    waves = [wave for each in done for wave in each.waves]
    services = [start for each in done for start in each.services]
    problems = [each.problem for each in done if each.problem]
    problems += [f"some pods did not start: {wave.problem}" for wave in waves if wave.problem]
    rates = [each.step.rate_per_second for each in done if isinstance(each.step, PodStartup)]
    metrics = (
        *(
            pod_metrics(waves, seen.pulls, warm_nodes=_warm_nodes(waves, seen.startups), rate_per_second=rates[0])
            if waves
            else ()
        ),
        *pull_metric(list(seen.pulls.values())),
        *service_metrics(services),
    )
    duration_seconds = sum(phase.duration_seconds for phase in phases)
    if not metrics:
        reason = several(("", problem) for problem in problems) or "no startup was seen: the watches had gaps"
        return unavailable("startup", reason).model_copy(
            update={"spec": spec, "phases": phases, "duration_seconds": duration_seconds}
        )
    return ProbeResult(
        probe="startup",
        status=Status.MEASURED,
        spec=spec,
        facts=objective(metrics) | {"pods": sum(len(wave.startups) for wave in waves), "services": len(services)},
        phases=phases,
        metrics=metrics,
        flags=(
            *_doubts(done),
            *(Flag(code=FlagCode.PARTIAL, reason=f"not all was measured: {problem}") for problem in problems),
        ),
        duration_seconds=duration_seconds,
    )


def _doubts(done: Sequence[Done]) -> Iterator[Flag]:
    """Yield each kind of doubt about the launcher's machine once."""
    for code in dict.fromkeys(flag.code for each in done for flag in each.doubts):
        told = several((each.step.name, flag.reason) for each in done for flag in each.doubts if flag.code is code)
        yield Flag(code=code, reason=f"on the machine of the launcher, which took the times: {told}")


def _utilization(done: Done, spec: Facts, phases: tuple[Phase, ...]) -> ProbeResult:
    if done.measurement is None or not done.measurement.metrics:
        reason = done.problem or "no node has anything to allocate"
        return unavailable("utilization", reason).model_copy(update={"spec": spec, "phases": phases})
    return ProbeResult(
        probe="utilization",
        status=Status.MEASURED,
        spec=spec,
        facts=done.measurement.facts,
        phases=phases,
        metrics=done.measurement.metrics,
        flags=done.measurement.flags,
        duration_seconds=done.end - done.begin,
    )


def _warm_nodes(waves: Sequence[Wave], startups: Sequence[Startup]) -> frozenset[str]:
    """Nodes on which a pod of this run, of the same image, was started before the first of the waves was created."""
    created = [each.seen[Milestone.CREATED].at_ns for wave in waves for each in wave.startups if each.seen]
    first = min(created, default=0)
    return frozenset(
        each.node for each in startups if Milestone.STARTED in each.seen and each.seen[Milestone.STARTED].at_ns < first
    )


def _what(step: Step) -> Mapping[str, str]:
    return step.what if isinstance(step, Measure) else {}


def _phase(done: Done, begin: float) -> Phase:
    return Phase(
        name=done.step.name,
        kind=PhaseKind.MEASURE,
        start_seconds=done.begin - begin,
        duration_seconds=done.end - done.begin,
    )
