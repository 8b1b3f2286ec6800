"""Versions: past the end of their life, and nodes left behind by an upgrade. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta

from corrective_drift.recommendations.case import Candidate, Case, Rule
from corrective_drift.recommendations.evidence import Series
from corrective_drift.recommendations.finding import Abstention, Observed, Reference
from corrective_drift.recommendations.knowledge import known

# An upgrade of production takes a few weeks of tests.
_SOON = timedelta(days=60)
_OR_OLDER = "-or-older"


def _end_of_life(case: Case) -> Iterator[Candidate | Abstention]:
    minor, distribution = case.evidence.word("cluster.minor"), case.evidence.word("cluster.distribution")
    if minor is None or minor == "other":
        yield END_OF_LIFE.abstains("no report has a version that is listed")
        return
    support = known().by_distribution.get(distribution or "other")
    if support is None:
        yield END_OF_LIFE.abstains(f"until when {distribution} supports a version is not known here")
        return
    # Of "or older" the newest stands for all: none has lived longer.
    version = minor.removesuffix(_OR_OLDER)
    ends = support.end_of_life.get(version)
    if ends is None:
        yield END_OF_LIFE.abstains(f"until when {support.name} supports {version} is not known here")
        return
    over = ends < case.today
    yield Candidate(
        subject="",
        trial=None,
        suspected=ends <= case.today + _SOON,
        observed=_version(case, minor),
        baseline=Reference(
            kind="published",
            threshold=None,
            source=f"{support.name}: {version} is supported until {ends}; {support.source}",
            dated=support.checked,
        ),
        action=f"upgrade, one minor version after the other; the support of {version} "
        f"{'has ended' if over else 'ends'} on {ends}, and then {support.afterwards}",
        risk="interfaces that a newer version has removed stop working: look for deprecated ones first",
        undo="a control plane can't be taken back to an older minor version: back up, and try the upgrade on a copy",
    )


def _version(case: Case, minor: str) -> Observed:
    number = float(minor.removesuffix(_OR_OLDER).partition(".")[2])
    days = case.evidence.days_of("cluster.minor", minor)
    return Observed(
        what=f"cluster.minor {minor}",
        value=number,
        low=0.0 if minor.endswith(_OR_OLDER) else number,
        high=number,
        unit="minor version of Kubernetes 1",
        days=len(days),
        first_day=days[0],
        last_day=days[-1],
    )


def _kubelet_skew(case: Case) -> Iterator[Candidate | Abstention]:
    series: Series = case.evidence.field("nodes.version_skew")
    if not series:
        yield KUBELET_SKEW.abstains("no report has nodes.version_skew")
        return
    skew, last = known().kubelet_skew, series[-1]
    yield Candidate(
        subject="",
        trial=None,
        suspected=last.value.low >= skew.largest,
        observed=Observed(
            what="nodes.version_skew",
            value=last.value.low,
            low=last.value.low,
            high=None,
            unit="minor versions",
            days=1,
            first_day=_since(series, skew.largest),
            last_day=last.day,
        ),
        baseline=Reference(kind="published", threshold=float(skew.largest), source=skew.source, dated=skew.checked),
        action=f"upgrade the kubelets that are {skew.largest} or more minor versions behind: the control plane can't "
        "be upgraded any further before, and beyond the limit nothing is promised",
        risk="each node is drained for it: see that budgets of disruptions and free room allow that",
        undo="replace the node by one with the older kubelet, as long as the control plane allows it",
    )


def _since(series: Series, least: int) -> date:
    """Return from which day on the last readings are all at least so high."""
    first = series[-1].day
    for reading in reversed(series):
        if reading.value.low < least:
            break
        first = reading.day
    return first


END_OF_LIFE = Rule(
    name="end-of-life",
    version=1,
    title="A version of Kubernetes whose support ends or has ended",
    judge=_end_of_life,
    needs=("cluster.minor", "cluster.distribution"),
)
KUBELET_SKEW = Rule(
    name="kubelet-skew",
    version=1,
    title="Nodes that an upgrade has left behind",
    judge=_kubelet_skew,
    needs=("nodes.version_skew",),
)
