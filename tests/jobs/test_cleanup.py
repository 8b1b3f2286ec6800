from datetime import UTC, datetime, timedelta

import pytest

from jobs.cleanup import left_behind, remove_run, sweep
from jobs.cluster import Listing, R
from jobs.errors import TryAgain, Unavailable
from jobs.objects import Claim, ConfigMap, Job, Meta, Object, Pod, Service
from jobs.site import EXPIRES, MANAGED_BY, RUN, Site
from tests.jobs.factories import site
from tests.jobs.memory import Memory

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def left(
    kind: type[Object], name: str, *, run: str = "old", age: timedelta = 2 * HOUR, expires_in: timedelta = HOUR
) -> Object:
    labels = {MANAGED_BY: "prism-telemetry-agent", RUN: run, EXPIRES: str(int((NOW + expires_in).timestamp()))}
    return kind(meta=Meta(name=name, namespace="lab", uid=name, created_at=NOW - age, labels=labels))


def swept(*objects: Object, older_than: timedelta = HOUR) -> tuple[list[str], list[str]]:
    memory = Memory(*objects)
    found, remaining = sweep(memory, namespace="lab", now=NOW, older_than=older_than, patience_seconds=5)
    assert remaining == ()
    kept = [name for _, name in memory.objects if name != "lab"]
    return sorted(each.name for each in found), sorted(kept)


@pytest.mark.parametrize("kind", [ConfigMap, Job, Service, Claim, Pod])
def test_whatever_a_killed_run_has_left_is_found_and_removed(kind: type[Object]) -> None:
    assert swept(left(kind, "x")) == (["x"], [])


def test_a_run_under_way_is_left_alone_until_it_is_over() -> None:
    young = left(Job, "young", age=timedelta(minutes=5))
    over = left(Job, "over", age=timedelta(minutes=5), expires_in=-timedelta(seconds=1))
    assert swept(young, over) == (["over"], ["young"])


def test_everything_of_ours_goes_where_no_age_is_asked_for_and_nothing_of_others_ever() -> None:
    foreign = Job(meta=Meta(name="foreign", namespace="lab", created_at=NOW - 9 * HOUR))
    assert swept(left(Job, "young", age=timedelta(0)), foreign, older_than=timedelta(0)) == (["young"], ["foreign"])


def test_a_run_is_removed_and_another_stays() -> None:
    memory = Memory(left(Job, "mine", run="abc123"), left(Job, "other", run="xyz"))
    assert remove_run(memory, site(), patience_seconds=5) == ()
    assert memory.names(Job) == ["other"]


def test_what_cannot_be_removed_is_told() -> None:
    memory = Memory(left(Job, "mine", run="abc123"))
    memory.delete = forbidden  # type: ignore[method-assign]
    (leftover,) = remove_run(memory, site(), patience_seconds=0)
    assert (leftover.kind, leftover.name, leftover.run_id) == ("Job", "mine", "abc123")


def test_a_kind_that_may_not_be_listed_does_not_stop_the_clean_up_of_the_others() -> None:
    memory = Memory(left(Job, "mine", run="abc123"))
    list_all = memory.list_all

    def partly(kind: type[Object], **arguments: str) -> object:
        if kind is Claim:
            raise Unavailable("no permission to list claims")
        return list_all(kind, **arguments)

    memory.list_all = partly  # type: ignore[method-assign,assignment]
    assert remove_run(memory, site(), patience_seconds=5) == ()
    assert memory.names(Job) == []


class Overloaded(Memory):
    """A cluster that can't list Services for so many times."""

    def __init__(self, *objects: Object, times: int) -> None:
        super().__init__(*objects)
        self.times = times

    def list_all(self, kind: type[R], **arguments: str) -> Listing[R]:
        if kind is Service and self.times > 0:
            self.times -= 1
            raise TryAgain("can't list services: 503", retry_after_seconds=0.001)
        return super().list_all(kind, **arguments)


def test_a_kind_that_could_not_be_listed_costs_the_others_nothing_and_is_told() -> None:
    memory = Overloaded(*(left(kind, "mine", run="abc123") for kind in (Job, Service, Claim)), times=10**6)
    with pytest.raises(TryAgain, match="services"):
        remove_run(memory, site(), patience_seconds=0.1)
    assert [kind for kind, name in memory.objects if name == "mine"] == [Service]
    with pytest.raises(TryAgain, match="services"):
        left_behind(memory, namespace="lab", now=NOW, older_than=HOUR)


def test_a_sweep_goes_on_with_the_other_kinds_too() -> None:
    memory = Overloaded(left(Claim, "x"), left(Service, "y"), times=10**6)
    with pytest.raises(TryAgain, match="services"):
        sweep(memory, namespace="lab", now=NOW, older_than=HOUR, patience_seconds=0.1)
    assert memory.names(Claim) == []


def test_a_kind_that_can_be_listed_again_is_removed_in_the_end() -> None:
    memory = Overloaded(left(Job, "mine", run="abc123"), left(Service, "mine", run="abc123"), times=8)
    assert remove_run(memory, site(), patience_seconds=30) == ()
    assert memory.names(Service) == memory.names(Job) == []


def test_where_nothing_may_be_looked_at_that_is_told() -> None:
    memory = Memory()
    memory.list_all = forbidden  # type: ignore[method-assign,assignment]
    with pytest.raises(Unavailable):
        remove_run(memory, site(), patience_seconds=0)


def forbidden(*_: object, **__: object) -> None:
    raise Unavailable("no permission")


def test_the_labels_of_a_run_are_those_that_a_sweep_looks_for() -> None:
    where: Site = site()
    made = Job(meta=Meta(name="x", namespace="lab", created_at=NOW - 2 * HOUR, labels=where.labels("s")))
    assert swept(made) == (["x"], [])
