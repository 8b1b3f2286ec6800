"""A cluster's values over the days, with what changed: records in, words and drawings out. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corrective_drift.dashboard import names, view
from corrective_drift.dashboard.course import Level, course
from corrective_drift.drift import Drift, Drifted, Series, look
from corrective_drift.quantities import unit_of
from probes.measure.units import format_quantity

# All days of a hundred series would be a page of megabytes; `stored.json` has them.
_IN_TABLE = 14
_JUDGED = {True: "worse", False: "better", None: "changed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """All series of a cluster."""

    summary: str
    changed: Sequence[view.Plot]
    steady: Sequence[view.PlotGroup]
    settings: view.Table | None


def trends(documents: Sequence[Mapping[str, Any]]) -> Trends:
    """Return the trends over some documents."""
    looked = look(documents)
    found = looked.drift
    changed: list[view.Plot] = []
    steady: dict[str, list[view.Plot]] = defaultdict(list)
    courses = [(each, finding) for each, finding in looked.series if len(each.days) > 1]
    for number, (each, finding) in enumerate(courses):
        plot = _plot(f"trend-{number}", each, finding)
        subject = names.subject_title(each.metric.partition(".")[0])
        (steady[subject] if finding is None else changed).append(plot)
    return Trends(
        summary=_summary(found, len(courses), len(changed)),
        changed=sorted(changed, key=lambda plot: plot.mark, reverse=True),
        steady=[view.PlotGroup(title=subject, plots=plots) for subject, plots in sorted(steady.items())],
        settings=_settings([each for each in found.findings if each.unit is None]),
    )


def _plot(identity: str, of: Series, found: Drifted | None) -> view.Plot:
    unit, place = unit_of(of.metric), names.place_title(of.place)
    name = names.metric_title(of.metric)
    title = f"{name} ({place})" if place else name
    latest, low, high = (format_quantity(value, unit) for value in (of.values[-1], min(of.values), max(of.values)))
    detail = _unchanged(of) if found is None else _said(found, *_levels(found, of))
    points = list(zip(of.days, of.values, strict=True))
    description = f"{names.plural(len(points), 'day')}, {low} to {high}, the latest {latest}. {detail}"
    level = None
    if found is not None and isinstance(found.before, float) and isinstance(found.after, float):
        level = Level(day=found.since, before=found.before, after=found.after)
    return view.Plot(
        title=title if found is None else f"{names.subject_title(of.metric.partition('.')[0])}: {title}",
        value=latest,
        detail=detail,
        drawing=course(identity, (title, description), points, unit, level),
        table=view.Table(
            caption=f"{title}: the latest days",
            head=("day", "value"),
            rows=[(day.isoformat(), format_quantity(value, unit)) for day, value in points[: -_IN_TABLE - 1 : -1]],
        ),
        mark="" if found is None else _JUDGED[found.worse],
    )


def _levels(found: Drifted, of: Series) -> tuple[str, str]:
    before, after = (
        value if isinstance(value, str) else format_quantity(value, unit_of(of.metric))
        for value in (found.before, found.after)
    )
    return before, after


def _unchanged(of: Series) -> str:
    return "Too few days to tell a change from chance." if of.is_too_short else "No change of level was found."


def _said(found: Drifted, before: str, after: str) -> str:
    sure = [] if found.p_value is None else [f"p = {found.p_value:.2g}"]
    by = ", ".join([*_ratio(found.before, found.after), *sure])
    return f"From {before} to {after} on {found.since.isoformat()}{f' ({by})' if by else ''}."


def _ratio(before: float | str, after: float | str) -> list[str]:
    """Return by how much a level changed; nothing where it began at zero."""
    if isinstance(before, str) or isinstance(after, str) or not before:
        return []
    return [f"{100 * (after / before - 1):+.0f} %"]


def _summary(found: Drift, courses: int, changed: int) -> str:
    if not courses:
        return (
            f"Trends need values of two days at least; reports of {names.plural(found.days, 'day')} came in this time."
        )
    looked = f"{courses} series over {names.plural(found.days, 'day')} with reports"
    short = f"; {found.too_short} have too few days to tell a change from chance" if found.too_short else ""
    return f"{looked}: {changed} changed{short}."


def _settings(found: Sequence[Drifted]) -> view.Table | None:
    if not found:
        return None
    rows = [
        (each.since.isoformat(), _field(each.what), names.plain(each.before), names.plain(each.after))
        for each in reversed(found)
    ]
    head = ("day", "what", "before", "after")
    return view.Table(caption="Settings that changed, the latest first", head=head, rows=rows)


def _field(name: str) -> str:
    return f"{names.subject_title(name.partition('.')[0])}: {names.field_title(name)}"
