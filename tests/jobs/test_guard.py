from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.guard import OVERRIDES, Limits, Refusal, Situation, refusals, said
from jobs.objects import Meta, Node, Pod
from jobs.plan import Plan, plan
from jobs.quotas import Quota
from tests.jobs.factories import READY, SECONDS, condition, node, nodes, request, storage_class

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = plan(request("latency", "storage"), nodes=nodes(2), classes=[storage_class("fast")], seconds=SECONDS)
GOOD = nodes(2)


def situation(*, of: list[Node] | None = None, **fields: Any) -> Situation:
    plain: dict[str, Any] = {"nodes": of or GOOD, "pending": (), "now": NOW}
    return Situation(**(plain | fields))


def found(
    given: Situation, *, limits: Limits | None = None, overrides: tuple[str, ...] = (), of: Plan = PLAN
) -> list[Refusal]:
    return list(refusals(of, given, limits or Limits(), overrides=overrides))


def pending(seconds: float) -> Pod:
    return Pod(meta=Meta(name="p", namespace="shop", created_at=NOW - timedelta(seconds=seconds)))


def quota(**hard: float) -> Quota:
    names = {name.replace("_", "."): amount for name, amount in hard.items()}
    return Quota(meta=Meta(name="q"), hard=names, used=dict.fromkeys(names, 1.0))


def troubled(*conditions: str) -> Situation:
    """A good node a, and b with these conditions."""
    return situation(of=[node("a"), node("b", conditions=(READY, *map(condition, conditions)))])


UNREADY = [node(name, conditions=()) for name in "abcde"]
BAD: list[tuple[Situation, Limits, str, str]] = [
    (troubled("MemoryPressure"), Limits(), "pressure", "the node b is under MemoryPressure"),
    (troubled("DiskPressure"), Limits(), "pressure", "DiskPressure"),
    (troubled("PIDPressure"), Limits(), "pressure", "PIDPressure"),
    (troubled("NetworkUnavailable"), Limits(), "pressure", "NetworkUnavailable"),
    (situation(of=UNREADY), Limits(), "not-ready", "the nodes a, b, c and 2 more are not ready"),
    (situation(of=[node("a"), node("b", unschedulable=True)]), Limits(), "cordoned", "the node b is cordoned"),
    (situation(of=[node("a"), node("b", kubelet_version="v1.37.0")]), Limits(), "upgrading", "v1.36.2, v1.37.0"),
    (situation(pending=[pending(61)]), Limits(), "pending", "the pod shop/p is pending"),
    (situation(other_runs={"xyz"}), Limits(), "other-run", "another run is under way (xyz)"),
    (situation(quotas=[quota(pods=2)]), Limits(), "quota", "leaves 1 of pods"),
    (situation(quotas=[quota(requests_storage=2**30 + 1)]), Limits(), "quota", "leaves 1Gi of requests.storage"),
    (situation(), Limits(concurrent_jobs=1), "concurrent-jobs", "2 Jobs at once, and 1 are allowed"),
    (situation(), Limits(cpu_seconds=1), "cpu-seconds", "seconds of CPU time"),
    (situation(), Limits(written_bytes=1e9), "written-bytes", "GB written, and 1 are allowed"),
    (situation(), Limits(seconds=10), "seconds", "and 10 are allowed"),
]


@pytest.mark.parametrize(("given", "limits", "override", "fact"), BAD, ids=[each[2] for each in BAD])
def test_each_reason_not_to_probe_states_its_fact_and_is_overruled_by_its_name_alone(
    given: Situation, limits: Limits, override: str, fact: str
) -> None:
    refused = found(given, limits=limits)
    assert [each.override for each in refused] == [override]
    assert fact in refused[0].fact
    assert found(given, limits=limits, overrides=(override,)) == []
    others = tuple(name for name in OVERRIDES if name != override)
    assert found(given, limits=limits, overrides=others) == refused


def test_every_override_that_is_offered_overrules_something() -> None:
    assert {each[2] for each in BAD} == set(OVERRIDES)


@pytest.mark.parametrize(
    "given",
    [
        situation(),
        situation(pending=[pending(59)]),
        situation(of=[node("a", conditions=(READY, condition("MemoryPressure", "False")))]),
        situation(quotas=[quota(pods=1000, services_loadbalancers=1)]),
    ],
)
def test_a_cluster_in_good_order_may_be_probed(given: Situation) -> None:
    assert found(given) == []


def test_a_quota_that_is_used_beyond_itself_matters_only_to_a_plan_that_takes_of_it() -> None:
    lowered = Quota(meta=Meta(name="q"), hard={"secrets": 5.0, "pods": 1.0}, used={"secrets": 6.0, "pods": 3.0})
    (refused,) = found(situation(quotas=[lowered]))
    assert refused.fact.startswith("the quota q leaves 0 of pods")


@pytest.mark.parametrize("name", ["services", "count/services", "configmaps", "count/configmaps"])
def test_a_quota_of_objects_without_a_container_counts_too(name: str) -> None:
    full = Quota(meta=Meta(name="q"), hard={name: 3.0}, used={name: 3.0})
    (refused,) = found(situation(quotas=[full]))
    assert refused.fact == f"the quota q leaves 0 of {name}, and the plan takes up to 1"


@pytest.mark.parametrize(
    ("scope", "counts"), [("NotTerminating", True), ("NotBestEffort", True), ("BestEffort", False)]
)
def test_a_quota_of_other_pods_than_ours_is_none_of_our_business(scope: str, *, counts: bool) -> None:
    full = Quota(meta=Meta(name="q"), hard={"pods": 1.0}, used={"pods": 1.0}, scopes=frozenset({scope}))
    assert bool(found(situation(quotas=[full]))) == counts


def test_a_namespace_that_is_going_away_is_refused_whatever_is_overruled() -> None:
    (refused,) = found(situation(namespace_phase="Terminating"), overrides=tuple(OVERRIDES))
    assert "terminating" in refused.fact
    assert refused.override is None


def test_all_facts_are_said_at_once_each_with_its_override() -> None:
    text = said(
        found(situation(of=[node("a", unschedulable=True), node("b", kubelet_version="v1")]), limits=Limits(seconds=1))
    )
    assert text.count("(override: ") == 3
    assert "\n" not in text


def test_what_passes_by_itself_is_told_from_what_does_not() -> None:
    passing = {each.override: each.passes for given, limits, _, _ in BAD for each in found(given, limits=limits)}
    assert {name for name, passes in passing.items() if not passes} == {
        "concurrent-jobs",
        "cpu-seconds",
        "written-bytes",
        "seconds",
    }
