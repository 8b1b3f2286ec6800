"""Many series over time: levels that changed, values that begin to drift, and settings that differ.

Two looks at each series: back over all of it (`probes.measure.changepoint`), and at its latest
values against those before (`probes.measure.early_warning`). Dozens of series are looked at at once; what is reported
as changed keeps the expected share of false ones among them (Benjamini & Hochberg 1995).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from probes.measure import early_warning
from probes.measure.changepoint import ChangePoint, find_changes
from probes.measure.result import Better
from probes.measure.units import Unit

FALSE_DISCOVERY_RATE = 0.05
"""The expected share of false findings among all that are reported as changed."""
# One false alarm in so many values of a series: with a run a day, one in most of a year.
_AVERAGE_RUN_LENGTH = 300
# A week of daily runs is looked at as what is new.
_RECENT = 7
# Permutations are drawn at random; the same history must always give the same findings.
_SEED = 0


class Kind(StrEnum):
    """What was found."""

    CHANGED = "changed"
    """The level of a metric changed at some time."""
    DRIFTING = "drifting"
    """The latest values of a metric are worse than those before; too early to say since when."""
    RECONFIGURED = "reconfigured"
    """A word about the cluster is another than before, such as its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The values of one metric over the runs that measured it alike, oldest first."""

    probe: str
    metric: str
    title: str
    unit: Unit
    better: Better
    medians: Sequence[float]
    times: Sequence[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found."""

    kind: Kind
    subject: str
    """A probe, or a subject of a document."""
    what: str
    """A metric, or a field."""
    title: str
    worse: bool | None
    """None where neither direction is a merit."""
    since: datetime | None
    before: float | str
    after: float | str
    unit: Unit | None = None
    p_value: float | None = None


def drifted(courses: Sequence[Course]) -> tuple[Finding, ...]:
    """Return what changed for good, and what begins to get worse without having changed before."""
    found = changed(courses)
    known = {(finding.subject, finding.what) for finding in found}
    drifting = [
        _drifting(course) for course in courses if (course.probe, course.metric) not in known and _alarms(course)
    ]
    return (*found, *drifting)


def changed(courses: Sequence[Course]) -> tuple[Finding, ...]:
    """Return the latest change of level of each series that has one, at the false discovery rate over all of them."""
    strictest = FALSE_DISCOVERY_RATE / max(1, len(courses))
    changes = [(course, change) for course in courses if (change := _last_change(course, strictest)) is not None]
    discovered = _discoveries([change.p_value for _, change in changes], tested=len(courses))
    return tuple(_changed(*changes[place]) for place in discovered)


def reconfigured(
    before: Mapping[str, object], after: Mapping[str, object], fields: Collection[str], *, at: datetime
) -> tuple[Finding, ...]:
    """Return which of `fields` (`subject.attribute`) differ between two documents of the wire; both must have it."""
    return tuple(
        Finding(
            kind=Kind.RECONFIGURED,
            subject=name.partition(".")[0],
            what=name.partition(".")[2],
            title=name,
            worse=None,
            since=at,
            before=_in_words(old),
            after=_in_words(new),
        )
        for name in fields
        if (old := _at(before, name)) is not None and (new := _at(after, name)) is not None and old != new
    )


def _last_change(course: Course, strictest: float) -> ChangePoint | None:
    """Return the latest change of a series.

    Permutations go only as far as their alpha needs, so that a p-value is hardly ever below a tenth of it; what is
    found at all is looked at again at the strictest step of the rule.
    """

    def found(alpha: float) -> tuple[ChangePoint, ...]:
        return find_changes(course.medians, alpha=alpha, rng=np.random.default_rng(_SEED))

    at_all = found(FALSE_DISCOVERY_RATE)
    changes = (found(strictest) or at_all) if at_all else ()
    return changes[-1] if changes else None


def _discoveries(p_values: Sequence[float], *, tested: int) -> list[int]:
    """Return the places of the p-values that pass the step-up rule; those of the other tested series are larger."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    passing = [
        rank for rank, place in enumerate(order, start=1) if p_values[place] <= FALSE_DISCOVERY_RATE * rank / tested
    ]
    return sorted(order[: max(passing, default=0)])


def _changed(course: Course, change: ChangePoint) -> Finding:
    rose = change.after > change.before
    return Finding(
        kind=Kind.CHANGED,
        subject=course.probe,
        what=course.metric,
        title=course.title,
        worse=None if course.better is Better.NEITHER else rose is (course.better is Better.LOWER),
        since=course.times[change.index],
        before=change.before,
        after=change.after,
        unit=course.unit,
        p_value=change.p_value,
    )


def _alarms(course: Course) -> bool:
    """Tell whether the latest values stand out from those before. A series without spread or merit has no alarm."""
    reference, recent = course.medians[:-_RECENT], course.medians[-_RECENT:]
    if course.better is Better.NEITHER or len(reference) < early_warning.MINIMUM_WINDOW:
        return False
    try:
        watch = early_warning.begin(
            reference, rising=course.better is Better.LOWER, average_run_length=_AVERAGE_RUN_LENGTH
        )
    except ValueError:
        return False
    alarm = False
    for value in recent:
        watch, alarm = early_warning.update(watch, value)
    return alarm


def _drifting(course: Course) -> Finding:
    return Finding(
        kind=Kind.DRIFTING,
        subject=course.probe,
        what=course.metric,
        title=course.title,
        worse=True,
        since=None,
        before=float(np.median(course.medians[:-_RECENT])),
        after=float(np.median(course.medians[-_RECENT:])),
        unit=course.unit,
    )


def _at(document: Mapping[str, object], name: str) -> object:
    subject, _, attribute = name.partition(".")
    record = document.get(subject)
    return record.get(attribute) if isinstance(record, Mapping) else None


def _in_words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
