import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import InvalidRequest, Unavailable
from jobs.plan import Plan, plan
from jobs.step import Claims, Cost, Measure, Observe, Path, PodStartup, ServiceStartup, Step, startable
from probes.catalogue import CATALOGUE
from probes.errors import InvalidRequest as UnknownProbe
from probes.probe import Profile
from tests.jobs.factories import SECONDS, node, nodes, request, storage_class

CLASSES = [storage_class("fast"), storage_class("slow", binding_mode="Immediate")]


def planned(*probes: str, count: int = 3, **fields: Any) -> Plan:
    return plan(request(*probes, **fields), nodes=nodes(count), classes=CLASSES, seconds=SECONDS)


def measures(made: Plan, probe: str) -> list[Measure]:
    return [step for step in made.steps if isinstance(step, Measure) and step.probe == probe]


def pairs(made: Plan, probe: str, path: Path) -> set[tuple[str | None, str | None]]:
    return {(step.node, step.server_node) for step in measures(made, probe) if step.path is path}


@given(
    count=st.integers(1, 9),
    probes=st.lists(st.sampled_from(sorted(CATALOGUE)), min_size=1, unique=True),
    profile=st.sampled_from(Profile),
    pairs_limit=st.integers(0, 20),
    random_source=st.randoms(use_true_random=False),
    limit=st.integers(1, 40),
)
@settings(deadline=None)
def test_nothing_that_competes_overlaps_and_every_step_comes_to_run_whatever_ends_first(
    *,
    count: int,
    probes: list[str],
    profile: Profile,
    pairs_limit: int,
    random_source: random.Random,
    limit: int,
) -> None:
    made = planned(*probes, count=count, profile=profile, pairs_limit=pairs_limit)
    waiting, running, done = list(made.steps), list[Step](), list[Step]()
    while waiting or running:
        while step := startable(waiting, running, concurrent_jobs=limit):
            assert not any(step.claims.compete(other.claims) for other in running)
            waiting.remove(step)
            running.append(step)
        assert running, "what waits can never start"
        assert sum(step.cost.jobs for step in running) <= limit or len(running) == 1
        done.append(running.pop(random_source.randrange(len(running))))
    assert len(done) == len(made.steps)


@given(count=st.integers(2, 30), limit=st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_latency_between_nodes_covers_each_node_within_the_limit(count: int, limit: int) -> None:
    made = planned("latency", count=count, pairs_limit=limit)
    between = pairs(made, "latency", Path.OTHER_NODE)
    assert {name for pair in between for name in pair} == {each.meta.name for each in nodes(count)}
    assert len(between) <= max(limit, (count + 1) // 2)


@given(
    mine=st.tuples(st.frozensets(st.sampled_from("abc")), st.frozensets(st.sampled_from("abc"))),
    yours=st.tuples(st.frozensets(st.sampled_from("abc")), st.frozensets(st.sampled_from("abc"))),
)
def test_two_compete_where_one_needs_alone_what_the_other_uses(
    mine: tuple[frozenset[str], frozenset[str]], yours: tuple[frozenset[str], frozenset[str]]
) -> None:
    one, other = Claims(alone=mine[0], shared=mine[1]), Claims(alone=yours[0], shared=yours[1])
    expected = bool(mine[0] & (yours[0] | yours[1])) or bool(yours[0] & (mine[0] | mine[1]))
    assert one.compete(other) == other.compete(one) == expected


def step(name: str, *, alone: str = "", jobs: int = 1) -> Step:
    return Step(name=name, claims=Claims(alone=frozenset(alone)), cost=Cost(seconds=1, cpu_seconds=1, jobs=jobs))


def test_a_step_that_needs_much_is_not_overtaken_by_those_that_need_little() -> None:
    running, waiting = [step("runs", alone="a")], [step("needs all", alone="abc"), step("needs b", alone="b")]
    assert startable(waiting, running, concurrent_jobs=9) is None
    assert startable(waiting, [], concurrent_jobs=9) is waiting[0]


def test_a_step_that_competes_with_nothing_goes_ahead_of_one_that_waits() -> None:
    running, waiting = [step("runs", alone="a")], [step("needs a", alone="a"), step("needs b", alone="b")]
    assert startable(waiting, running, concurrent_jobs=9) is waiting[1]


def test_a_step_of_many_jobs_gets_the_places_that_become_free() -> None:
    running, waiting = [step("runs", jobs=2)], [step("many", jobs=3), step("one")]
    assert startable(waiting, [], concurrent_jobs=1) is waiting[0]
    assert startable(waiting, running, concurrent_jobs=4) is None
    assert startable(waiting, running, concurrent_jobs=5) is waiting[0]


def test_three_nodes_have_all_pairs_each_node_itself_and_a_service_from_each() -> None:
    made = planned("latency")
    names = {each.meta.name for each in nodes(3)}
    assert pairs(made, "latency", Path.SAME_NODE) == {(name, name) for name in names}
    assert pairs(made, "latency", Path.OTHER_NODE) == {(a, b) for a in names for b in names if a != b}
    service = pairs(made, "latency", Path.SERVICE)
    assert {client for client, _ in service} == names
    assert all(client != server for client, server in service)


def test_between_nodes_the_path_tells_whether_they_share_a_zone_or_that_this_is_not_known() -> None:
    zoned = [node("a1", zone="za"), node("a2", zone="za"), node("b1", zone="zb"), node("c", zone="")]
    made = plan(request("latency", "throughput"), nodes=zoned, classes=[], seconds=SECONDS)
    for probe in ("latency", "throughput"):
        assert pairs(made, probe, Path.SAME_ZONE) == {("a1", "a2"), ("a2", "a1")}
        across = {(one, "b1") for one in ("a1", "a2")}
        assert pairs(made, probe, Path.OTHER_ZONE) == across | {(server, client) for client, server in across}
        unknown = {(one, "c") for one in ("a1", "a2", "b1")}
        assert pairs(made, probe, Path.OTHER_NODE) == unknown | {(server, client) for client, server in unknown}


def test_a_single_node_has_the_paths_that_it_can_have() -> None:
    made = planned("latency", "throughput", "startup", count=1)
    for probe in ("latency", "throughput"):
        assert pairs(made, probe, Path.OTHER_NODE) == set()
        assert pairs(made, probe, Path.SAME_NODE) == pairs(made, probe, Path.SERVICE) == {("n000", "n000")}


def test_throughput_has_the_network_between_nodes_to_itself_and_leaves_it_alone_within_a_node() -> None:
    throughput, latency = measures(planned("throughput"), "throughput"), measures(planned("latency"), "latency")
    for each in throughput:
        crosses = each.node != each.server_node
        elsewhere = [other for other in latency if not {other.node, other.server_node} & {each.node, each.server_node}]
        assert all(
            each.claims.compete(other.claims) == (crosses and other.node != other.server_node) for other in elsewhere
        )


def test_every_class_that_can_provision_gets_a_claim_of_the_stated_size_and_every_node_its_own_disk() -> None:
    by_hand = storage_class("by-hand", provisioner="kubernetes.io/no-provisioner")
    made = plan(request("storage", claim_bytes=7 * 2**30), nodes=nodes(2), classes=[*CLASSES, by_hand], seconds=SECONDS)
    steps = measures(made, "storage")
    volumes = [each.volume for each in steps if each.volume]
    assert [each.storage_class for each in volumes] == ["fast", "slow", None, None]
    assert {each.size_bytes for each in volumes} == {7 * 2**30}
    assert {each.node for each in steps if each.volume and each.volume.storage_class is None} == {"n000", "n001"}


def test_a_class_that_retains_volumes_is_measured_only_where_it_was_named_and_its_reason_is_told() -> None:
    classes = [*CLASSES, storage_class("kept", reclaim_policy="Retain")]
    made = {
        named: plan(request("storage", storage_classes=named), nodes=nodes(1), classes=classes, seconds=SECONDS)
        for named in ((), ("kept",))
    }
    kept = {
        named: [each.volume.retained for each in measures(of, "storage") if each.volume and each.volume.storage_class]
        for named, of in made.items()
    }
    assert kept == {(): [False, False], ("kept",): [True]}
    assert "would be left behind" in made[()].classes_left_out["kept"]
    assert made["kept",].classes_left_out == {}


def test_a_class_that_binds_at_once_chooses_the_node_itself_and_has_all_of_them_alone() -> None:
    fast, slow = measures(planned("storage"), "storage")[:2]
    assert fast.node is not None
    assert slow.node is None
    assert {"node/n000", "node/n001", "node/n002"} <= slow.claims.alone


def test_an_existing_claim_is_measured_only_where_it_was_named() -> None:
    assert not any(each.volume and each.volume.existing_claim for each in measures(planned("storage"), "storage"))
    steps = measures(planned("storage", existing_claims=("mine",)), "storage")
    assert [each.volume.existing_claim for each in steps if each.volume and each.volume.existing_claim] == ["mine"]
    assert not any(each.volume and each.volume.storage_class for each in steps)


def test_the_test_file_on_a_node_stays_within_the_scratch_space_that_the_pod_may_use() -> None:
    for each in measures(planned("storage", claim_bytes=10 * 2**30), "storage"):
        if each.volume and each.volume.storage_class is None:
            assert each.options["size"] == "2048MiB"


def test_what_the_user_said_goes_before_what_the_plan_would_choose() -> None:
    made = planned("storage", "dns", options={"size": "300MiB", "names": ["a.example"], "rate": "100"})
    assert {each.options["size"] for each in measures(made, "storage")} == {"300MiB"}
    assert all(each.options == {"names": ["a.example"]} for each in measures(made, "dns"))


def test_what_only_looks_comes_first_and_the_startup_of_many_pods_last() -> None:
    steps = planned(*CATALOGUE).steps
    assert isinstance(steps[0], Observe)
    assert isinstance(steps[-1], PodStartup)
    assert isinstance(steps[-2], ServiceStartup)


def test_names_of_steps_are_unique_and_short_enough_for_objects() -> None:
    names = [each.name for each in planned(*CATALOGUE, count=9, pairs_limit=100).steps]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 24


def test_the_cost_of_a_plan_is_that_of_its_steps() -> None:
    made = planned("dns", "startup", startup_pods=40)
    assert made.cost.seconds == sum(each.cost.seconds for each in made.steps)
    assert made.cost.jobs == 40


def test_no_node_to_probe_is_said_with_the_reasons() -> None:
    with pytest.raises(Unavailable, match="a is cordoned; b is not ready"):
        plan(
            request("latency"),
            nodes=[node("a", unschedulable=True), node("b", conditions=())],
            classes=[],
            seconds=SECONDS,
        )


def test_what_needs_no_pod_needs_no_node_to_probe() -> None:
    made = plan(request("utilization"), nodes=[node("a", unschedulable=True)], classes=[], seconds=SECONDS)
    assert [type(each) for each in made.steps] == [Observe]


def test_an_unknown_class_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match=r"no storage class 'fastest'.*fast, slow"):
        planned("storage", storage_classes=("fastest",))


def test_an_unknown_probe_is_refused() -> None:
    with pytest.raises(UnknownProbe, match="no probe 'nope'"):
        planned("nope")
