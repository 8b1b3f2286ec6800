"""What the service knows in general, out of its latest release: words and a table. Pure.

Only what is published already stands here: nothing on this page could tell more than a release does.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from corrective_drift.dashboard import names, view
from probes.measure.baselines import LADDER, LEAST_CONTRIBUTORS, MetricBaseline, Release

_ALL = (len(LADDER) - 1, ())
_PERCENTS = ("p10", "p50", "p90")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The service in general."""

    lead: str
    facts: Sequence[view.Fact]
    tables: Sequence["Published"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The metrics of a subject."""

    title: str
    data: view.Table


def overview(release: Release, *, releases: int, contributors: int) -> Overview:
    """Return the overview; `contributors` are those of the latest release, `releases` all that there were."""
    if release.is_empty:
        return Overview(lead=_nothing(releases), facts=[("releases", str(releases)), ("baselines", "none")], tables=())
    cohorts = sum(len(metric.cohorts) for metric in release.metrics)
    return Overview(
        lead=f"Baselines of week {release.week}, made of what {_rounded(contributors)} clusters reported.",
        facts=[
            ("latest release", str(release.week)),
            ("releases", str(releases)),
            ("contributors", _rounded(contributors)),
            ("metrics", str(len(release.metrics))),
            ("cohorts", f"{cohorts:,}"),
        ],
        tables=list(_tables(release)),
    )


def _nothing(releases: int) -> str:
    least = f"At least {LEAST_CONTRIBUTORS} clusters must report a metric before anything of it is published."
    made = "nothing was released as yet" if not releases else "what was released has no group that is large enough"
    return f"There is no baseline yet: {made}. {least} No figure here is made up meanwhile."


def _rounded(contributors: int) -> str:
    """Rounded down as in releases, and never a number below what is told about."""
    if contributors < LEAST_CONTRIBUTORS:
        return f"fewer than {LEAST_CONTRIBUTORS}"
    return f"{contributors // 5 * 5:,} or more"


def _tables(release: Release) -> Sequence[Published]:
    rows: dict[str, list[list[str]]] = defaultdict(list)
    for metric in release.metrics:
        row = _row(metric)
        if row is not None:
            rows[metric.metric.partition(".")[0]].append(row)
    return [
        Published(
            title=names.subject_title(subject),
            data=view.Table(
                caption=f"{names.subject_title(subject)}, all clusters",
                head=("metric", "10th percentile", "median", "90th percentile", "clusters"),
                rows=found,
            ),
        )
        for subject, found in sorted(rows.items())
    ]


def _row(metric: MetricBaseline) -> list[str] | None:
    """The coarsest cohort's percentiles; None where it isn't published."""
    cohort = metric.by_cohort.get(_ALL)
    if cohort is None:
        return None
    place = names.place_title(metric.place)
    values = [
        names.bucket_value(metric, cohort.percentiles[name]) if name in cohort.percentiles else "–"
        for name in _PERCENTS
    ]
    title = names.metric_title(metric.metric)
    return [f"{title} ({place})" if place else title, *values, f"{cohort.contributors:,} or more"]
