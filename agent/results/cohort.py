"""Where a run's medians stand among those of the community, out of a release that is here already. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from agent.results.merge import slug, word_of
from agent.wire.vocabulary import METRICS
from probes.measure.baselines import LADDER, UNFIT, Release, node_bucket
from probes.measure.position import position
from probes.measure.record import Record
from probes.measure.result import Better, Metric, RunResult
from probes.measure.units import Unit

STORAGE_KIND = "storage_kind"
"""The kind of a cluster's storage classes, beside the facts that cohorts have in common."""
_VOLUME, _STORAGE_CLASS, _PATH, _EPHEMERAL = "volume", "storage_class", "path", "ephemeral"


class Standing(Record):
    """Where one metric stands."""

    probe: str
    """The probe's name."""
    metric: str
    """The metric's name in the results."""
    title: str
    """For people."""
    unit: Unit
    """Of the value and of the percentiles."""
    better: Better
    """Which direction is the good one."""
    value: float
    """The median of the run, of several runs the median of theirs."""
    rung: int
    """On the ladder of cohorts; 0 is the finest."""
    cohort: dict[str, str]
    """The facts that the cohort has in common; none where it is all clusters."""
    contributors: int
    """How many clusters the cohort has at least."""
    week: str
    """Whose values these are."""
    percentiles: dict[str, float]
    """Of the cohort, in the unit."""
    share_below: float | None
    """The share of the cohort with lower values, 0 to 1; null beyond the outermost percentiles."""
    low: float
    """Of the share's 95 % interval."""
    high: float
    """Of the share's 95 % interval."""


class Unplaced(Record):
    """A metric that nothing can be said about."""

    probe: str
    """The probe's name."""
    title: str
    """For people."""
    reason: str
    """Why, and what to do where something can be done."""


class CommunityComparison(Record):
    """A run against the community's baselines."""

    week: str | None
    """Of the release; null where there is no baseline yet."""
    facts: dict[str, str]
    """What was known about the cluster or machine of the run."""
    standings: tuple[Standing, ...] = ()
    """Where each metric stands."""
    unplaced: tuple[Unplaced, ...] = ()
    """What there is no answer for."""


def facts_of(run: RunResult, provider: str | None) -> dict[str, str]:
    """Return what a run itself tells of the facts that clusters are compared by; `provider` where it is known."""
    environment = run.environment
    _, _, version = str(environment.get("kubernetes_version", "")).partition("v")
    nodes = environment.get("nodes", 1 if run.target == "local" else None)
    found = {
        "provider": provider,
        "minor": ".".join(version.split(".")[:2]) or None,
        "node_bucket": node_bucket(nodes) if isinstance(nodes, int) else None,
    }
    return {name: word for name, word in found.items() if word is not None}


def compared(runs: Sequence[RunResult], release: Release, facts: Mapping[str, str]) -> CommunityComparison:
    """Return where the metrics of one run, or of several alike, stand; `facts` may also have a STORAGE_KIND."""
    comparison = CommunityComparison(week=None if release.is_empty else release.week, facts=dict(facts))
    if release.is_empty:
        return comparison
    found = list(_placed(runs, release, facts))
    return comparison.model_copy(
        update={
            "standings": tuple(each for each in found if isinstance(each, Standing)),
            "unplaced": tuple(each for each in found if isinstance(each, Unplaced)),
        }
    )


def _placed(runs: Sequence[RunResult], release: Release, facts: Mapping[str, str]) -> Iterator[Standing | Unplaced]:
    for result in runs[0].results:
        for metric in result.metrics:
            alike = [
                each
                for run in runs
                for other in run.results
                for each in other.metrics
                if (other.probe, each.name) == (result.probe, metric.name)
            ]
            place = _place_of(metric, runs[0].profile, facts)
            yield _placed_metric(result.probe, alike, release, place, facts)


def _placed_metric(
    probe: str, alike: Sequence[Metric], release: Release, place: str | None, facts: Mapping[str, str]
) -> Standing | Unplaced:
    first = alike[0]

    def unplaced(reason: str) -> Unplaced:
        return Unplaced(probe=probe, title=first.title, reason=reason)

    word = word_of(first, METRICS.get(probe, ()))
    unfit = sorted({flag.code.value for metric in alike for flag in metric.flags} & UNFIT)
    if word is None:
        return unplaced("nobody else reports it")
    if place is None:
        return unplaced(f"the kind of its storage class is not known: give it by --cohort {STORAGE_KIND}=…")
    if unfit:
        return unplaced(f"its value is {', '.join(unfit)}: measure again where it is not")
    baseline = release.by_metric.get((f"{probe}.{word}", place))
    cohort = release.cohort(f"{probe}.{word}", place, facts)
    if baseline is None or cohort is None:
        return unplaced("too few clusters report it as yet")
    value, low, high = _value(alike)
    stands = position(cohort, baseline.bucket(value), low=baseline.bucket(low), high=baseline.bucket(high))
    return Standing(
        probe=probe,
        metric=first.name,
        title=first.title,
        unit=first.unit,
        better=first.better,
        value=value,
        rung=cohort.rung,
        cohort=dict(zip(LADDER[cohort.rung], cohort.cohort, strict=True)),
        contributors=cohort.contributors,
        week=cohort.week,
        percentiles={name: baseline.value(bucket) for name, bucket in cohort.percentiles.items()},
        share_below=stands.share,
        low=stands.low,
        high=stands.high,
    )


def _value(alike: Sequence[Metric]) -> tuple[float, float, float]:
    """Return the value and the ends of its interval: the metric's own, of several runs their lowest and highest."""
    medians = [metric.summary.median for metric in alike]
    value = median(medians)
    own = alike[0].summary.interval if len(alike) == 1 else None
    # A rounded interval may end a hair inside of the median.
    low, high = (own.low, own.high) if own is not None else (min(medians), max(medians))
    return value, min(low, value), max(high, value)


def _place_of(metric: Metric, profile: str, facts: Mapping[str, str]) -> str | None:
    """Return the place as baselines name it; None for a storage class of an unknown kind."""
    conditions = {key: str(value) for key, value in metric.conditions.items()}
    parts = [profile]
    if _PATH in conditions:
        parts.append(slug(conditions[_PATH]))
    if _STORAGE_CLASS in conditions:
        if STORAGE_KIND not in facts:
            return None
        parts.append(facts[STORAGE_KIND])
    elif conditions.get(_VOLUME) == _EPHEMERAL:
        parts.append(_EPHEMERAL)
    return "/".join(parts)
