"""A cluster's latest values against its cohort: records in, words and drawings out. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corrective_drift import votes
from corrective_drift.dashboard import names, view
from corrective_drift.dashboard.strip import strip
from corrective_drift.quantities import better_of
from probes.measure.baselines import LADDER, CohortBaseline, MetricBaseline, Release
from probes.measure.position import Position, position
from probes.measure.result import Better

_FACT_WORDS = {
    "provider": "provider {}",
    "region_class": "in {}",
    "minor": "Kubernetes {}",
    "node_bucket": "{} nodes",
}
# Outside of the middle half of the cohort, with the whole interval: then it is worth a word.
_QUARTERS = (0.25, 0.75)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """All that is compared, and what isn't."""

    notable: tuple[view.Plot, ...]
    """Outside of the middle half with their whole interval; what is worse first."""
    groups: tuple[view.PlotGroup, ...]
    """All others, by subject."""
    summary: str
    unplaced: view.Table | None


def standings(documents: Iterable[Mapping[str, Any]], release: Release) -> Standings:
    """Return where the votes of some documents stand in a release."""
    cast = votes.votes(documents)
    notable: list[view.Plot] = []
    plots: dict[str, list[view.Plot]] = {}
    unplaced: list[tuple[str, str, str]] = []
    for number, vote in enumerate(cast):
        scale = names.scale_of(vote.metric, vote.place)
        if scale is None:
            continue
        cohort = votes.cohort(release, vote.metric, vote.place, vote.facts)
        subject = vote.metric.partition(".")[0]
        if cohort is None:
            title = f"{names.subject_title(subject)}: {_title(vote)}"
            unplaced.append((title, names.bucket_value(scale, vote.bucket), _reason(release)))
        else:
            plot = _plot(f"stand-{number}", vote, scale, cohort)
            (notable if plot.mark else plots.setdefault(subject, [])).append(plot)
    return Standings(
        notable=tuple(sorted(notable, key=lambda plot: plot.mark, reverse=True)),
        groups=tuple(
            view.PlotGroup(title=names.subject_title(subject), plots=found) for subject, found in sorted(plots.items())
        ),
        summary=_summary(notable, sum(map(len, plots.values())), release),
        unplaced=_unplaced(unplaced),
    )


def _plot(identity: str, vote: votes.Vote, scale: MetricBaseline, cohort: CohortBaseline) -> view.Plot:
    stands = position(cohort, vote.bucket)
    value, title = names.bucket_value(scale, vote.bucket), _title(vote)
    percentiles = [(name, names.bucket_value(scale, bucket)) for name, bucket in _ordered(cohort)]
    detail = f"{_stands(stands)}: {_interval(stands)}"
    description = f"{value}; {detail}. Of the cohort: {', '.join(f'{name} {of}' for name, of in percentiles)}."
    return view.Plot(
        title=title,
        value=value,
        detail=detail,
        drawing=strip(identity, title, description, stands, percentiles),
        table=view.Table(
            caption=f"{title}: percentiles of the cohort",
            head=("percentile", "value"),
            rows=[(name, of) for name, of in percentiles],
        ),
        remarks=tuple(_remarks(vote.metric, cohort)),
        mark=_mark(vote.metric, stands),
    )


def _title(vote: votes.Vote) -> str:
    place = names.place_title(vote.place)
    return f"{names.metric_title(vote.metric)} ({place})" if place else names.metric_title(vote.metric)


def _ordered(cohort: CohortBaseline) -> list[tuple[str, int]]:
    return sorted(cohort.percentiles.items(), key=lambda each: int(each[0][1:]))


def _stands(stands: Position) -> str:
    if stands.share is None:
        edge = round(100 * (stands.high if stands.low <= 0 else 1 - stands.low))
        return f"among the {'lowest' if stands.low <= 0 else 'highest'} {edge} %"
    return f"higher than about {stands.share:.0%} of the cohort".replace("%", " %")


def _interval(stands: Position) -> str:
    return f"95 % interval {round(100 * stands.low)} to {round(100 * stands.high)} %"


def _remarks(metric: str, cohort: CohortBaseline) -> Iterator[str]:
    better = better_of(metric)
    if better is not Better.NEITHER:
        yield f"{better.value.capitalize()} is better."
    cohort_is = f"{cohort_words(cohort)} (rung {cohort.rung} of {len(LADDER) - 1})"
    yield f"Cohort: {cohort_is}; k = {cohort.contributors} or more, week {cohort.week}."


def cohort_words(cohort: CohortBaseline) -> str:
    """Return what the clusters of a cohort have in common."""
    facts = zip(LADDER[cohort.rung], cohort.cohort, strict=True)
    said = [_FACT_WORDS[name].format(names.spoken(word)) for name, word in facts]
    return ", ".join(said) or "all clusters"


def _mark(metric: str, stands: Position) -> str:
    better = better_of(metric)
    low, high = _QUARTERS
    if better is Better.NEITHER or (low <= stands.high and stands.low <= high):
        return ""
    return "better" if (stands.high < low) is (better is Better.LOWER) else "worse"


def _reason(release: Release) -> str:
    return "no baseline yet" if release.is_empty else "too few clusters report it as yet"


def _summary(notable: Sequence[view.Plot], others: int, release: Release) -> str:
    if release.is_empty:
        return "There is no baseline yet: nothing can be compared until enough clusters have reported."
    if not notable and not others:
        return "Nothing of what was reported has a cohort to be compared with yet."
    marks = [plot.mark for plot in notable]
    compared = names.plural(len(marks) + others, "value")
    worse, better = (marks.count(mark) or "none" for mark in ("worse", "better"))
    return (
        f"{compared} compared. In the worse quarter of the cohort with their whole interval: {worse}; in the better "
        f"quarter: {better}."
    )


def _unplaced(rows: list[tuple[str, str, str]]) -> view.Table | None:
    if not rows:
        return None
    return view.Table(caption="Reported, and not compared", head=("what", "value", "why"), rows=sorted(rows))
