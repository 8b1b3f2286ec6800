"""What a quota counts: by hand, and against the objects that a run really creates."""

from itertools import pairwise

import pytest

from jobs import quantity
from jobs.manifest import Manifest
from jobs.needs import needs
from jobs.plan import Plan, plan
from jobs.preview import manifests
from jobs.step import PodStartup, ServiceStartup
from tests.jobs.factories import SECONDS, nodes, request, site, storage_class

MIB, GIB = 2**20, 2**30


def planned(*probes: str, count: int = 2, **fields: object) -> Plan:
    return plan(request(*probes, **fields), nodes=nodes(count), classes=[storage_class("fast")], seconds=SECONDS)


def of_containers(made: list[Manifest], kind: str, name: str) -> float:
    pods = [
        each["spec"]["template"]["spec"]
        for each in made
        if each["kind"] == "Job" and each["spec"].get("completions") != 0
    ]
    return sum(quantity.parse(each["containers"][0]["resources"][kind][name]) for each in pods)


@pytest.mark.parametrize("kind", [PodStartup, ServiceStartup], ids=["pods", "services"])
def test_pods_count_with_what_their_containers_ask_for(kind: type) -> None:
    made = planned("startup", startup_pods=1)
    alone = Plan(
        request=made.request, steps=tuple(each for each in made.steps if isinstance(each, kind)), nodes=made.nodes
    )
    objects = list(manifests(alone, site()))
    counted = needs(alone, concurrent_jobs=32)
    for name in ("cpu", "memory", "ephemeral-storage"):
        assert counted[f"requests.{name}"] == counted[name] == pytest.approx(of_containers(objects, "requests", name))
    assert counted["limits.memory"] == of_containers(objects, "limits", "memory")
    assert [counted.get(name, 0) for name in ("services", "count/services")] == [kind is ServiceStartup] * 2


def test_pods_that_sleep_take_next_to_nothing() -> None:
    counted = needs(planned("startup", startup_pods=30), concurrent_jobs=32)
    assert counted["pods"] == 30
    assert counted["requests.memory"] == 30 * 16 * MIB
    assert counted["limits.memory"] == max(30 * 32 * MIB, 2 * 512 * MIB)


def test_a_run_has_one_config_map_and_a_job_without_a_pod_beside_its_steps() -> None:
    counted = needs(planned("dns", count=1), concurrent_jobs=32)
    assert counted["configmaps"] == counted["count/configmaps"] == 1
    assert (counted["count/jobs.batch"], counted["count/pods"]) == (2, 1)


def test_a_claim_counts_in_all_and_for_its_class() -> None:
    counted = needs(planned("storage"), concurrent_jobs=32)
    fast = "fast.storageclass.storage.k8s.io"
    assert counted["persistentvolumeclaims"] == counted["count/persistentvolumeclaims"] == 1
    assert counted[f"{fast}/persistentvolumeclaims"] == 1
    assert counted["requests.storage"] == counted[f"{fast}/requests.storage"] == 5 * GIB


def test_steps_that_run_side_by_side_count_together_as_far_as_jobs_may() -> None:
    made = planned("latency", count=8, pairs_limit=56)
    most = [needs(made, concurrent_jobs=jobs)["pods"] for jobs in (2, 4, 32)]
    assert most[:2] == [2, 4]
    # Steps within a node have it to themselves: all eight at once, client and server.
    assert most[2] == 16
    assert all(fewer < more for fewer, more in pairwise(most))


def test_looking_takes_nothing_but_what_every_run_has() -> None:
    counted = needs(planned("utilization"), concurrent_jobs=32)
    assert {name: amount for name, amount in counted.items() if amount} == {
        "count/jobs.batch": 1,
        "configmaps": 1,
        "count/configmaps": 1,
    }
