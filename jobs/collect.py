"""From what pods told to results: a pod's log, else its termination message, else why there is neither. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.objects import Pod
from probes import frame
from probes.frame import Partial, Whole
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, Facts, ProbeResult, Status
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one pod of a probe brought."""

    result: ProbeResult
    what: Mapping[str, str]
    """What tells it from other results of its probe, such as its path or storage class."""


def collect(probe: str, *, log: bytes | None, pod: Pod | None, trouble: str | None) -> ProbeResult:
    """Return the best result that is left.

    `log` is None where it could not be read; `trouble` is what went wrong with the pod, in words, where that is known.
    """
    told = frame.Absent() if log is None else frame.read(log)
    if isinstance(told, Whole):
        return _explained(told.result, trouble)
    lost = told.reason if isinstance(told, Partial) else "the log could not be read" if log is None else None
    short = _short_form(pod)
    if short is not None:
        reason = f"{lost or 'the log holds no result'}; what is left came in the pod's termination message"
        flag = Flag(code=FlagCode.PARTIAL, reason=f"{reason}, without histograms")
        return _explained(short.model_copy(update={"flags": (*short.flags, flag)}), trouble)
    reasons = [each for each in (trouble, lost) if each] or ["the pod ended without a result: see its log"]
    return unavailable(probe, "; ".join(reasons))


def unavailable(probe: str, reason: str) -> ProbeResult:
    """Return the result of a probe that brought nothing."""
    return ProbeResult(probe=probe, status=Status.UNAVAILABLE, reason=reason, spec={})


def with_search_path_cost(result: ProbeResult) -> ProbeResult:
    """Add what a name without its final dot costs, to a result whose second and third names are one with and without.

    Both are looked up in every round, so that the difference of each round is one value.
    """
    metrics = {metric.name: metric for metric in result.metrics}
    added = []
    for kind in ("cold", "repeated"):
        relative, absolute = metrics.get(f"name_2_{kind}"), metrics.get(f"name_3_{kind}")
        if relative is None or absolute is None or len(relative.rounds) != len(absolute.rounds):
            continue
        conditions: Facts = {"names": "external"}
        described = Description(
            name=f"search_path_cost_{kind}",
            title=f"an external name through the search path less the same one past it, {kind} look-up",
            unit=Unit.NANOSECONDS,
            better=Better.LOWER,
            conditions=conditions,
        )
        added.append(from_rates(described, [a - b for a, b in zip(relative.rounds, absolute.rounds, strict=True)]))
    return result.model_copy(update={"metrics": (*result.metrics, *added)})


def _explained(result: ProbeResult, trouble: str | None) -> ProbeResult:
    """Let what is known from outside come first: a probe that was ended knows no more than that it was."""
    if trouble is None or result.status is Status.MEASURED:
        return result
    return result.model_copy(update={"reason": f"{trouble}; {result.reason}"})


def _short_form(pod: Pod | None) -> ProbeResult | None:
    containers = pod.containers if pod is not None else ()
    return next((found for each in containers if (found := frame.read_short(each.message))), None)
