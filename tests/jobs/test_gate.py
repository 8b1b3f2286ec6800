from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.cluster import Listing
from jobs.errors import Refused, Unavailable
from jobs.gate import pass_guard
from jobs.guard import Limits
from jobs.objects import ConfigMap, Meta, Namespace, Node, Pod
from jobs.plan import plan
from jobs.quotas import Quota
from jobs.site import EXPIRES, MANAGED_BY, RUN
from jobs.survey import planned_seconds, snapshot, survey
from probes.catalogue import CATALOGUE
from probes.errors import InvalidRequest
from tests.jobs.factories import SECONDS, node, nodes, request, storage_class
from tests.jobs.memory import Memory

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = plan(request("dns"), nodes=nodes(1), classes=[], seconds=SECONDS)


def owner(run: str, *, expires: int) -> ConfigMap:
    labels = {MANAGED_BY: "prism-telemetry-agent", RUN: run, EXPIRES: str(expires)}
    return ConfigMap(meta=Meta(name=f"probe-{run}-run", namespace="lab", labels=labels))


class Forbidding(Memory):
    """Where nodes may be listed and nothing else may be looked at."""

    def list_all(self, kind: type[Any], **arguments: Any) -> Listing[Any]:
        if kind is not Node:
            raise Unavailable(f"no permission to list {kind.api.plural}")
        return super().list_all(kind, **arguments)

    def read(self, *_: Any, **__: Any) -> Any:
        raise Unavailable("no permission to get anything")


def test_a_survey_has_all_that_planning_and_guarding_take() -> None:
    memory = Memory(*nodes(2), storage_class("fast"), Quota(meta=Meta(name="q", namespace="lab")))
    found = survey(memory, "lab", now=NOW)
    assert [each.meta.name for each in found.nodes] == ["n000", "n001"]
    assert [each.meta.name for each in found.classes] == ["fast"]
    assert [each.meta.name for each in found.situation.quotas] == ["q"]
    assert found.situation.namespace_phase == "Active"


def test_other_runs_are_those_that_have_not_expired() -> None:
    late, early = int(NOW.timestamp()) + 1, int(NOW.timestamp())
    memory = Memory(*nodes(1), owner("alive", expires=late), owner("over", expires=early))
    assert survey(memory, "lab", now=NOW).situation.other_runs == {"alive"}


def test_what_the_servers_clock_says_is_judged_by_it_and_not_by_ours() -> None:
    # Ours is ten minutes fast: a pod of a moment ago is no pod that waits, nor is a run over that is under way.
    moment = Pod(meta=Meta(name="p", namespace="shop", created_at=NOW), phase="Pending")
    memory = Memory(*nodes(1), moment, owner("alive", expires=int(NOW.timestamp()) + 60))
    memory.server_time = NOW + timedelta(seconds=1)
    found = survey(memory, "lab", now=NOW + timedelta(minutes=10)).situation
    assert found.now == memory.server_time
    assert found.other_runs == {"alive"}
    memory.server_time = None
    assert survey(memory, "lab", now=NOW).situation.now == NOW


def test_what_may_not_be_looked_at_counts_as_not_there() -> None:
    found = survey(Forbidding(*nodes(1)), "lab", now=NOW)
    assert (found.classes, found.situation.quotas, list(found.situation.pending)) == ((), (), [])
    assert found.situation.namespace_phase == "Active"


def test_a_namespace_that_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable, match="no namespace 'nowhere'"):
        survey(Memory(*nodes(1)), "nowhere", now=NOW)


def test_the_environment_of_a_result_names_no_node_and_no_address() -> None:
    named = [
        node("secret-name-1", zone="z1", kernel_version="6.1"),
        node("secret-name-2", zone="z2", kernel_version="6.1"),
    ]
    facts = survey(Memory(*named), "lab", now=NOW).environment
    assert (facts["nodes"], facts["zones"], facts["kernels"]) == (2, 2, "6.1")
    assert "secret" not in repr(facts)


def test_a_cluster_without_metrics_is_looked_at_all_the_same() -> None:
    class NoMetrics(Memory):
        def list_all(self, kind: type[Any], **arguments: Any) -> Listing[Any]:
            if kind.api.group == "metrics.k8s.io":
                raise Unavailable("metrics.k8s.io is not served: install metrics-server")
            return super().list_all(kind, **arguments)

    found = snapshot(NoMetrics(*nodes(1)))
    assert found.node_usage == found.pod_usage == "metrics.k8s.io is not served: install metrics-server"


def test_every_probe_has_a_planned_length_and_refuses_options_beforehand() -> None:
    seconds = planned_seconds(request(*CATALOGUE))
    assert set(seconds) == set(CATALOGUE)
    assert min(seconds.values()) > 0
    with pytest.raises(InvalidRequest):
        planned_seconds(request("latency", options={"rate": "fast"}))


def test_a_cluster_in_good_order_is_let_pass() -> None:
    pass_guard(Memory(*nodes(1)), PLAN, Limits())


def test_a_refusal_says_the_fact_and_its_override_which_lets_pass() -> None:
    memory = Memory(node("a", unschedulable=True))
    with pytest.raises(Refused, match=r"the node a is cordoned \(override: cordoned\)"):
        pass_guard(memory, PLAN, Limits())
    pass_guard(memory, PLAN, Limits(), overrides=["cordoned"])


def test_waiting_ends_as_soon_as_the_reason_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, told = Memory(node("a", unschedulable=True)), list[str]()

    def mend(why: str) -> None:
        told.append(why)
        memory.objects[Node, "a"] = node("a")

    monkeypatch.setattr("jobs.gate._PAUSE_SECONDS", 0.01)
    pass_guard(memory, PLAN, Limits(), wait_seconds=60, on_waiting=mend)
    assert len(told) == 1


def test_what_does_not_pass_by_itself_is_not_waited_for() -> None:
    memory = Memory(*nodes(1))
    memory.objects[Namespace, "lab"] = Namespace(meta=Meta(name="lab"), phase="Terminating")
    with pytest.raises(Refused, match="terminating"):
        pass_guard(memory, PLAN, Limits(), wait_seconds=60, on_waiting=lambda _why: pytest.fail("waited"))


def test_pods_of_ours_that_wait_are_no_reason_to_refuse() -> None:
    labels = {RUN: "old"}
    ours = Pod(meta=Meta(name="p", namespace="lab", labels=labels, created_at=datetime(2020, 1, 1, tzinfo=UTC)))
    pass_guard(Memory(*nodes(1), ours), PLAN, Limits())
    theirs = Pod(meta=Meta(name="q", namespace="lab", created_at=datetime(2020, 1, 1, tzinfo=UTC)))
    with pytest.raises(Refused, match="pending"):
        pass_guard(Memory(*nodes(1), theirs), PLAN, Limits())
