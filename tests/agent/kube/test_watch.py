"""Watches against the stand-in: what arrives, when, and what is said of gaps."""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from agent.kube.cluster import Kube, connect
from jobs.cluster import Arrival, Change, Gap
from jobs.errors import TryAgain, Unavailable
from jobs.objects import ConfigMap
from tests.standin.faults import FOREVER
from tests.standin.problem import Problem, expired, throttled
from tests.standin.resources import CONFIG_MAPS
from tests.standin.standin import StandIn

SPACE = "probe-lab"


@pytest.fixture
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture
def kube(cluster: StandIn) -> Kube:
    return connect(kubeconfig=str(cluster.kubeconfig))


class Listener:
    """Collects what a watch tells in a thread of its own, as a launcher does."""

    def __init__(self, watch: Any) -> None:
        self.watch = watch
        self.heard: list[Arrival[Any] | Gap] = []
        self.error: Exception | None = None
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for each in self.watch:
                with self._news:
                    self.heard.append(each)
                    self._news.notify_all()
        except (TryAgain, Unavailable) as error:
            self.error = error

    def wait_for(self, name: str) -> Arrival[Any]:
        """Return the first arrival of the object of this name."""
        with self._news:
            assert self._news.wait_for(lambda: self._find(name), 20), f"{name} never arrived: {self.heard}"
            found = self._find(name)
            assert found is not None
            return found

    def _find(self, name: str) -> Arrival[Any] | None:
        arrivals = (each for each in self.heard if isinstance(each, Arrival))
        return next((each for each in arrivals if each.record.meta.name == name), None)

    @property
    def gaps(self) -> list[Gap]:
        return [each for each in self.heard if isinstance(each, Gap)]

    def end(self) -> None:
        self.watch.close()
        self._thread.join(5)
        assert not self._thread.is_alive()


@pytest.fixture
def listener(cluster: StandIn, kube: Kube) -> Iterator[Listener]:
    listening = Listener(kube.watch(ConfigMap, since=str(cluster.store.version), namespace=SPACE))
    put(cluster, "first")
    listening.wait_for("first")
    yield listening
    listening.end()


def put(cluster: StandIn, name: str, **labels: str) -> int:
    """Store an object; return when it was there."""
    stored = cluster.store.create(CONFIG_MAPS, {"metadata": {"name": name, "namespace": SPACE, "labels": labels}})
    return cluster.store.stored_ns[int(stored["metadata"]["resourceVersion"])]


def test_changes_arrive_in_order_each_after_it_truly_happened(cluster: StandIn, listener: Listener) -> None:
    truth = {name: put(cluster, name) for name in ("a", "b", "c")}
    cluster.store.update(CONFIG_MAPS, "a", SPACE, lambda after: after.update(data={"x": "y"}))
    cluster.store.delete(CONFIG_MAPS, "b", SPACE)
    put(cluster, "d")
    listener.wait_for("d")
    told = [(each.change, each.record.meta.name) for each in listener.heard if isinstance(each, Arrival)]
    assert told[1:] == [
        (Change.ADDED, "a"),
        (Change.ADDED, "b"),
        (Change.ADDED, "c"),
        (Change.MODIFIED, "a"),
        (Change.DELETED, "b"),
        (Change.ADDED, "d"),
    ]
    assert all(listener.wait_for(name).arrived_ns > stored_ns for name, stored_ns in truth.items())
    assert not listener.gaps


def test_only_what_the_labels_select_arrives(cluster: StandIn, kube: Kube) -> None:
    watch = kube.watch(ConfigMap, since=str(cluster.store.version), namespace=SPACE, labels="run=1")
    put(cluster, "other", run="2")
    put(cluster, "mine", run="1")
    (arrival,) = islice(watch, 1)
    assert isinstance(arrival, Arrival)
    assert arrival.record.meta.name == "mine"


def test_a_lost_connection_is_resumed_and_told_as_a_gap(cluster: StandIn, listener: Listener) -> None:
    cluster.faults.cut_watches()
    put(cluster, "meanwhile")
    put(cluster, "later")
    listener.wait_for("later")
    (gap,) = listener.gaps
    assert not gap.lost
    assert listener.heard.index(gap) == 1
    assert listener.heard[0].arrived_ns <= gap.began_ns <= gap.ended_ns  # type: ignore[union-attr]
    assert listener.wait_for("meanwhile").change is Change.ADDED


def test_a_forgotten_history_is_told_as_lost_with_all_that_is_there_now(cluster: StandIn, listener: Listener) -> None:
    cluster.faults.break_watches(expired(1, 2))
    put(cluster, "meanwhile")
    cluster.faults.cut_watches()
    assert listener.wait_for("meanwhile").change in (Change.ADDED, Change.LISTED)
    cluster.store.delete(CONFIG_MAPS, "meanwhile", SPACE)
    put(cluster, "later")
    listener.wait_for("later")
    gap = next(gap for gap in listener.gaps if gap.lost)
    place = listener.heard.index(gap)
    listed = listener.heard[place + 1 : place + 1 + gap.listed]
    assert gap.listed >= 1
    assert all(isinstance(each, Arrival) and each.change is Change.LISTED for each in listed)


def test_history_that_is_lost_by_compaction_is_noticed_too(cluster: StandIn, kube: Kube) -> None:
    since = str(cluster.store.version)
    put(cluster, "early")
    cluster.store.forget()
    watch = kube.watch(ConfigMap, since=since, namespace=SPACE)
    gap, listed = islice(watch, 2)
    assert isinstance(gap, Gap)
    assert (gap.lost, gap.listed) == (True, 1)
    assert isinstance(listed, Arrival)
    assert (listed.change, listed.record.meta.name) == (Change.LISTED, "early")


def test_bookmarks_keep_a_quiet_watch_from_losing_history(cluster: StandIn, kube: Kube) -> None:
    cluster.api.bookmark_seconds = 0.05
    listening = Listener(kube.watch(ConfigMap, since=str(cluster.store.version), namespace=SPACE, labels="run=1"))
    for number in range(10):
        put(cluster, f"unrelated-{number}")
    time.sleep(0.5)
    cluster.store.forget()
    cluster.faults.cut_watches()
    put(cluster, "related", run="1")
    listening.wait_for("related")
    assert [gap.lost for gap in listening.gaps] == [False]
    listening.end()


def test_a_slow_watch_is_only_late(cluster: StandIn, listener: Listener) -> None:
    cluster.faults.watch_delay_seconds = 0.3
    stored_ns = put(cluster, "slow")
    assert listener.wait_for("slow").arrived_ns - stored_ns >= 0.3e9
    assert not listener.gaps


def test_errors_within_a_watch_are_overcome(cluster: StandIn, listener: Listener) -> None:
    cluster.faults.break_watches(Problem(500, "InternalError", "etcd is busy"), times=2)
    cluster.faults.answer(throttled(0), verb="watch", times=2)
    cluster.faults.drop(verb="watch", times=1)
    cluster.faults.cut_watches()
    put(cluster, "after all")
    listener.wait_for("after all")
    assert all(not gap.lost for gap in listener.gaps)


def test_a_watch_that_can_never_be_had_ends_in_try_again(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.answer(throttled(0), verb="watch", times=FOREVER)
    with pytest.raises(TryAgain, match="watch configmaps"):
        list(kube.watch(ConfigMap, since="1"))


def test_a_watch_that_is_forbidden_ends_at_once(cluster: StandIn, kube: Kube) -> None:
    cluster.api.rule = lambda verb, *_: verb != "watch"
    with pytest.raises(Unavailable, match="no permission to watch configmaps"):
        list(kube.watch(ConfigMap, since="1"))


def test_closing_ends_a_watch_that_waits_in_its_read(listener: Listener) -> None:
    listener.end()
    assert listener.error is None
    listener.watch.close()


def test_closing_ends_a_watch_that_waits_to_try_again(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.answer(throttled(60), verb="watch", times=FOREVER)
    listening = Listener(kube.watch(ConfigMap, since="1"))
    while not cluster.server.requests:
        time.sleep(0.01)
    listening.end()
    assert listening.error is None


def test_a_wish_for_a_pause_longer_than_time_itself_ends_no_watch(cluster: StandIn, kube: Kube) -> None:
    cluster.faults.answer(throttled(10**18), verb="watch", times=FOREVER)
    listening = Listener(kube.watch(ConfigMap, since="1"))
    while not cluster.server.requests:
        time.sleep(0.01)
    listening.end()
    assert listening.error is None


def test_a_watch_that_is_closed_before_it_began_yields_nothing(kube: Kube) -> None:
    watch = kube.watch(ConfigMap, since="1")
    watch.close()
    assert list(watch) == []
