"""Results of many pods as one result of each probe. Pure.

What was measured alike is merged: histograms add up, and percentiles come from the sum, never from percentiles. A pod
(a pair of nodes, a node) is then the unit of replication, its median the value of one round. What was not measured
alike, such as a path or a storage class, keeps metrics of its own, whose names end in it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from jobs.collect import Collected
from jobs.reasons import several
from probes.measure.metric import Description, from_histograms, from_rates
from probes.measure.result import Facts, Metric, Phase, ProbeResult, Status, Usage
from probes.measure.stability import Flag, FlagCode

_VARIOUS = "various"
# Pods are in no order of time, so that a course over them is about nothing; a pod has its own.
_OF_A_COURSE = frozenset({FlagCode.DRIFT, FlagCode.WARM_UP, FlagCode.NOT_STEADY})
# How many values there are and how they lie is judged anew for all of them.
_OF_A_SET = frozenset(
    {FlagCode.FEW_ROUNDS, FlagCode.FEW_SAMPLES, FlagCode.WIDE_INTERVAL, FlagCode.OUTLIERS, FlagCode.BIMODAL}
)


def merged(probe: str, collected: Sequence[Collected], *, phases: Sequence[Phase] = ()) -> ProbeResult:
    """Return one result of all that the pods of a probe brought; at least one pod is needed."""
    measured = [each for each in collected if each.result.status is Status.MEASURED]
    failed = [each for each in collected if each.result.status is not Status.MEASURED]
    reasons = several((", ".join(each.what.values()), each.result.reason or "") for each in failed)
    duration_seconds = sum(each.result.duration_seconds for each in collected)
    if not measured:
        return ProbeResult(
            probe=probe,
            status=Status.UNAVAILABLE,
            reason=reasons,
            spec=_common([each.result.spec for each in collected]),
            phases=tuple(phases),
            duration_seconds=duration_seconds,
        )
    results = [each.result for each in measured]
    return ProbeResult(
        probe=probe,
        status=Status.MEASURED,
        spec=_common([each.spec for each in results]),
        facts=_common([each.facts for each in results]) | {"pods": len(results)},
        tools={name: str(version) for name, version in _common([dict(each.tools) for each in results]).items()},
        phases=tuple(phases),
        metrics=tuple(_metrics(measured)),
        flags=(
            *_flags((each.flags for each in results), len(results)),
            *_missing(reasons, len(failed), len(collected)),
        ),
        usage=_usage(results),
        duration_seconds=duration_seconds,
    )


def _metrics(measured: Sequence[Collected]) -> Iterable[Metric]:
    groups: dict[str, list[tuple[Metric, Mapping[str, str]]]] = defaultdict(list)
    for each in measured:
        for metric in each.result.metrics:
            groups["_".join([metric.name, *map(_slug, each.what.values())])].append((metric, each.what))
    for name, members in groups.items():
        metrics, what = [metric for metric, _ in members], members[0][1]
        title = ", ".join([metrics[0].title, *what.values()])
        conditions = _common([metric.conditions for metric in metrics]) | dict(what)
        yield _one(metrics, name=name, title=title, conditions=conditions)


def _one(metrics: Sequence[Metric], *, name: str, title: str, conditions: Facts) -> Metric:
    """Merge metrics of one kind, of one pod each."""
    if len(metrics) == 1:
        return metrics[0].model_copy(update={"name": name, "title": title, "conditions": conditions})
    first = metrics[0]
    described = Description(name=name, title=title, unit=first.unit, better=first.better, conditions=conditions)
    # A short form has lost its histogram, and the probe's flags tell so; the others' still add up.
    summaries = [metric.summary for metric in metrics if metric.histogram is not None]
    if summaries:
        total = sum(summary.count for summary in summaries)
        merged_metric = from_histograms(
            described,
            [metric.histogram for metric in metrics if metric.histogram is not None],
            minimum=min(summary.minimum for summary in summaries),
            maximum=max(summary.maximum for summary in summaries),
            mean=sum(summary.mean * summary.count for summary in summaries) / total,
        )
    else:
        merged_metric = from_rates(described, [metric.summary.median for metric in metrics])
    own = tuple(flag for flag in merged_metric.flags if flag.code not in _OF_A_COURSE)
    theirs = ([flag for flag in metric.flags if flag.code not in _OF_A_SET] for metric in metrics)
    return merged_metric.model_copy(update={"flags": (*own, *_flags(theirs, len(metrics)))})


def _flags(of_each: Iterable[Sequence[Flag]], pods: int) -> tuple[Flag, ...]:
    """Return each kind of doubt once, with how many pods raised it and the reason of the first."""
    reasons: dict[FlagCode, list[str]] = defaultdict(list)
    for flags in of_each:
        for code, reason in {flag.code: flag.reason for flag in reversed(flags)}.items():
            reasons[code].append(reason)
    return tuple(
        Flag(code=code, reason=told[0] if pods == 1 else f"in {len(told)} of {pods} pods, such as: {told[0]}")
        for code, told in reasons.items()
    )


def _missing(reasons: str, failed: int, pods: int) -> tuple[Flag, ...]:
    if not failed:
        return ()
    return (Flag(code=FlagCode.PARTIAL, reason=f"{failed} of {pods} pods brought nothing: {reasons}"),)


def _common(each: Sequence[Facts]) -> Facts:
    """Return what all have, with `various` where they differ."""
    keys = [key for key in each[0] if all(key in other for other in each)] if each else []
    return {key: each[0][key] if all(other[key] == each[0][key] for other in each) else _VARIOUS for key in keys}


def _usage(results: Sequence[ProbeResult]) -> Usage | None:
    known = [each.usage for each in results if each.usage is not None]
    if not known:
        return None
    return Usage(
        cpu_seconds=sum(each.cpu_seconds for each in known),
        peak_memory_bytes=max(each.peak_memory_bytes for each in known),
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
