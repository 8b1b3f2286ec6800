"""A run as the agent keeps it: figures and listed words, and of a cluster's own names keyed digests. Pure.

The history outlives a run by months and lies on a disk. Series need to know that a storage class is the same as last
week, not what it is called. The digests have a key of their own, which never changes with time and never leaves;
`agent.results.merge` finds the class that belongs to one among those that were just collected.
"""

from collections.abc import Sequence

from agent.results.merge import PLACES, slug, word_of
from agent.wire.types import Pseudonym
from agent.wire.vocabulary import METRICS, PATHS
from probes.measure.result import Facts, Metric, ProbeResult, RunResult, Scalar
from probes.measure.stability import Flag

# What `jobs.plan` calls a volume, and a path.
_KEPT = frozenset({*PATHS, "claim", "ephemeral", "existing_claim"})
_NOT_KEPT = "not kept"


def unnamed(run: RunResult, pseudonym: Pseudonym) -> RunResult:
    """Return the run without reasons, phases and facts, and with digests in the place of every text of the cluster's.

    A metric that is not listed in `agent.wire.vocabulary` is left out, as it would be from a report.
    """
    return run.model_copy(
        update={
            "environment": _closed(run.environment, pseudonym),
            "results": tuple(_result(each, pseudonym) for each in run.results if each.probe in METRICS),
        }
    )


def _result(result: ProbeResult, pseudonym: Pseudonym) -> ProbeResult:
    words = ((word_of(metric, METRICS[result.probe]), metric) for metric in result.metrics)
    return ProbeResult(
        probe=result.probe,
        status=result.status,
        reason=None if result.reason is None else _NOT_KEPT,
        spec=_closed(result.spec, pseudonym),
        metrics=tuple(_metric(word, metric, pseudonym) for word, metric in words if word is not None),
        flags=_bare(result.flags),
        duration_seconds=result.duration_seconds,
    )


def _metric(word: str, metric: Metric, pseudonym: Pseudonym) -> Metric:
    conditions = _closed(metric.conditions, pseudonym)
    places = [slug(str(conditions[key])) for key in PLACES if key in conditions]
    return metric.model_copy(
        update={
            "name": "_".join([word, *places]),
            "title": ", ".join(each.replace("_", " ") for each in (word, *places)),
            "conditions": conditions,
            "flags": _bare(metric.flags),
        }
    )


def _closed(facts: Facts, pseudonym: Pseudonym) -> Facts:
    return {key: _value(key, value, pseudonym) for key, value in facts.items()}


def _value(key: str, value: Scalar, pseudonym: Pseudonym) -> Scalar:
    if not isinstance(value, str) or slug(value) in _KEPT:
        return value
    return pseudonym(key, value)


def _bare(flags: Sequence[Flag]) -> tuple[Flag, ...]:
    return tuple(Flag(code=flag.code, reason=_NOT_KEPT) for flag in flags)
