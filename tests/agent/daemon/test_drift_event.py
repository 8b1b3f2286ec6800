from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.daemon.drift_event import drift_event
from agent.daemon.telling import Collector, Ended
from agent.kube.cluster import connect
from agent.wire.vocabulary import COLLECTORS, STATUSES
from probes.measure.drift import Finding, Kind
from tests.agent.privacy.canaries import CANARIES, leaks
from tests.standin.resources import EVENTS
from tests.standin.standin import StandIn

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def finding(
    what: str, *, subject: str = "storage", worse: bool | None = True, kind: Kind = Kind.CHANGED,
    before: float | str = 100.0, after: float | str = 135.0,
) -> Finding:  # fmt: skip
    return Finding(
        kind=kind, subject=subject, what=what, title=what, worse=worse, since=NOW, before=before, after=after
    )


def note(*findings: Finding) -> str:
    made: str = drift_event(findings, namespace="prism-observability", now=NOW, suffix="ab12")["note"]
    return made


def test_it_says_the_metric_and_by_how_much_and_not_the_storage_class() -> None:
    said = note(
        finding("fsync_latency_team_billing_ssd"),
        finding("read_iops", worse=False, after=150.0),
        finding("own_metric_of_somebody", kind=Kind.DRIFTING),
        finding("minor", subject="cluster", worse=None, before="1.33", after="1.34"),
    )
    assert said == (
        "storage fsync_latency worse by 35%; storage read_iops better by 50%; "
        "storage a metric worse by 35% (an early warning); a setting changed; see `telemetry-agent drift`"
    )


@given(
    st.lists(
        st.builds(
            finding,
            st.sampled_from(CANARIES).flatmap(lambda mark: st.sampled_from([mark, f"read_latency_{mark}"])),
            subject=st.sampled_from(["storage", "cluster", *CANARIES]),
            before=st.floats(0, 1e12) | st.sampled_from(CANARIES),
        ),
        min_size=1,
        max_size=100,
    )
)
def test_no_name_gets_into_it_and_the_api_takes_its_length(findings: list[Finding]) -> None:
    said = note(*findings)
    assert leaks(said) == []
    assert len(said) < 1024


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn(nodes=1) as standin:
        yield standin


def test_a_cluster_takes_it_and_shows_it_with_the_agent(cluster: StandIn, tmp_path: Path) -> None:
    kube = connect(kubeconfig=str(cluster.kubeconfig))
    kube.create(drift_event([finding("read_iops")], namespace="default", now=NOW, suffix="ab12"))
    stored = cluster.store.get(EVENTS, "telemetry-agent.ab12", "default")
    assert (stored["type"], stored["reason"]) == ("Warning", "DriftFound")
    assert stored["regarding"]["name"] == "telemetry-agent"


def test_the_log_has_a_word_for_each_collector_and_each_status() -> None:
    assert sorted(Collector) == sorted(COLLECTORS)
    assert sorted(Ended) == sorted(STATUSES)
