"""What an examination comes to."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.admission import Trial
from jobs.classes import NO_PROVISIONER
from jobs.cluster import Version
from jobs.doctor import Examination, judge
from jobs.finding import Finding, State
from jobs.guard import Refusal
from jobs.objects import ConfigMap, Meta, NodeUsage, Resources
from jobs.quotas import Limit, LimitRange
from jobs.site import EXPIRES, RUN
from tests.jobs.factories import GIB, node, nodes, pod, storage_class

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def examination(**fields: Any) -> Examination:
    plain: dict[str, Any] = {
        "version": Version(git_version="v1.36.2"),
        "namespace": "lab",
        "nodes": nodes(2),
        "classes": [storage_class("fast", is_default=True)],
        "node_usage": [NodeUsage(meta=Meta(name="n000"))],
        "image": "registry.example/probe:1",
        "now": NOW,
    }
    return Examination(**(plain | fields))


def told(subject: str, **fields: Any) -> list[Finding]:
    return [each for each in judge(examination(**fields)) if each.subject == subject]


def states(subject: str, **fields: Any) -> list[State]:
    return [each.state for each in told(subject, **fields)]


def only(subject: str, **fields: Any) -> Finding:
    (found,) = told(subject, **fields)
    return found


def limit_range(**limits: Any) -> LimitRange:
    return LimitRange(meta=Meta(name="frugal"), limits=(Limit(**({"type": "Container"} | limits)),))


def left(run: str, expires: str) -> ConfigMap:
    return ConfigMap(meta=Meta(name="probe-x", labels={RUN: run, EXPIRES: expires}))


def test_every_finding_that_is_not_ready_says_what_to_do() -> None:
    seen = examination(
        nodes=[node("a", architecture="arm64"), node("b")],
        classes=[storage_class("kept", reclaim_policy="Retain")],
        node_usage="no metrics",
        limit_ranges=[limit_range(default={"cpu": 1.0})],
        left=[left("r1", "1")],
        refusals=[Refusal(fact="a node is cordoned", override="cordoned", passes=True)],
    )
    doubtful = [each for each in judge(seen) if each.state is not State.READY]
    assert len(doubtful) >= 6
    assert all(each.remedy for each in doubtful)


@pytest.mark.parametrize(("phase", "word"), [("", "no namespace"), ("Terminating", "terminating")])
def test_a_namespace_that_takes_nothing_is_missing(phase: str, word: str) -> None:
    found = only("namespace", namespace_phase=phase)
    assert found.state is State.MISSING
    assert word in found.found


def test_a_namespace_that_may_not_be_looked_at_is_there_if_it_would_have_taken_an_object() -> None:
    assert states("namespace", namespace_phase=None) == [State.WARNING]
    refused = Trial(kind="Job", step="dns-1", refused="no")
    assert states("namespace", namespace_phase=None, trials=[refused]) == [State.WARNING]
    assert states("namespace", namespace_phase=None, trials=[refused, Trial(kind="Job", step="a")]) == [State.READY]


@pytest.mark.parametrize("limits", [{"default": {"cpu": 0.5}}, {"maximum": {"cpu": 0.5}}])
def test_a_limit_range_that_imposes_a_cpu_limit_is_told_because_it_makes_tails_long(limits: Any) -> None:
    found = only("limits", limit_ranges=[limit_range(**limits)])
    assert found.state is State.WARNING
    assert "a CPU limit of 0.5" in found.found


@pytest.mark.parametrize(
    "limits",
    [{"default": {"memory": 1.0 * GIB}}, {"type": "PersistentVolumeClaim", "maximum": {"storage": 1.0}}],
)
def test_a_limit_range_without_a_cpu_limit_leaves_tails_alone(limits: Any) -> None:
    assert states("limits", limit_ranges=[limit_range(**limits)]) == [State.READY]


def test_limits_that_cannot_be_seen_are_a_doubt() -> None:
    assert states("limits", limit_ranges="no permission") == [State.WARNING]


def test_nodes_that_cannot_be_listed_are_missing() -> None:
    assert states("nodes", nodes="no permission to list nodes") == [State.MISSING]


def test_a_node_that_is_left_out_is_named_with_its_reason() -> None:
    found = told("nodes", nodes=[*nodes(2), node("cp", taints={"node-role.kubernetes.io/control-plane": "NoSchedule"})])
    assert found[0].state is State.READY
    assert "2 of 3" in found[0].found
    assert "cp has the taint node-role.kubernetes.io/control-plane" in found[0].found


def test_without_a_node_to_probe_nothing_can_run() -> None:
    found = only("nodes", nodes=[node("a", unschedulable=True)])
    assert found.state is State.MISSING
    assert "a is cordoned" in found.found


def test_one_node_alone_has_no_paths_to_others() -> None:
    assert states("nodes", nodes=nodes(1)) == [State.READY, State.WARNING]


def test_nodes_of_several_architectures_need_an_image_for_each() -> None:
    assert "amd64, arm64" in told("nodes", nodes=[node("a"), node("b", architecture="arm64")])[-1].found


def requesting(cpu_cores: float, where: str, phase: str = "Running") -> Any:
    return pod(f"{where}-{cpu_cores}", node=where, phase=phase, requests=Resources(cpu_cores=cpu_cores))


def test_a_node_whose_cores_are_all_requested_has_no_room() -> None:
    found = told("nodes", pods=[requesting(3.9, "n000")])
    assert [each.state for each in found] == [State.READY, State.WARNING]
    assert "n000 has 0.1 of 0.25 cores unrequested" in found[-1].found


def test_where_no_node_has_room_no_run_is_possible() -> None:
    assert states("nodes", pods=[requesting(4.0, "n000"), requesting(4.0, "n001")])[-1] is State.MISSING


def test_what_pods_that_have_ended_requested_is_free_again() -> None:
    assert states("nodes", pods=[requesting(4.0, "n000", phase="Succeeded")]) == [State.READY]


def test_a_class_is_described_by_how_it_binds_and_who_provisions() -> None:
    found = only("storage", classes=[storage_class("fast", is_default=True)])
    assert found.state is State.READY
    assert found.found == "fast, the default: by fast.example, bound where the first pod goes"


def test_a_class_that_retains_volumes_is_left_out_or_leaves_one_behind() -> None:
    kept = [storage_class("kept", reclaim_policy="Retain")]
    for named, words in (((), "is left out for that"), (("kept",), "leaves one behind")):
        found = only("storage", classes=kept, storage_classes=named)
        assert found.state is State.WARNING
        assert words in found.found


def test_a_class_that_nobody_provisions_is_not_measured() -> None:
    assert states("storage", classes=[storage_class("hand", provisioner=NO_PROVISIONER)]) == [State.WARNING]


def test_a_class_that_was_asked_for_and_is_not_there_is_missing() -> None:
    found = told("storage", storage_classes=("quick", "fast"))
    assert [each.state for each in found] == [State.MISSING, State.READY]
    assert "'quick'" in found[0].found
    assert "fast" in str(found[0].remedy)


def test_only_the_classes_asked_for_are_judged() -> None:
    classes = [storage_class("fast"), storage_class("kept", reclaim_policy="Retain")]
    assert states("storage", classes=classes, storage_classes=("fast",)) == [State.READY]


def test_without_any_class_the_nodes_own_disks_are_left() -> None:
    assert states("storage", classes=[]) == [State.WARNING]


@pytest.mark.parametrize("usage", ["this cluster doesn't serve nodes.metrics.k8s.io", []])
def test_without_metrics_use_is_not_known_and_all_else_is(usage: Any) -> None:
    assert states("metrics", node_usage=usage) == [State.WARNING]


def test_metrics_that_may_not_be_read_are_not_for_an_installation_to_mend() -> None:
    found = only("metrics", node_usage="no permission to list nodes.metrics.k8s.io at the cluster scope")
    assert "install" not in str(found.remedy)


def test_leftovers_of_runs_that_are_over_are_for_cleanup_and_those_of_others_are_not() -> None:
    later = str(int(NOW.timestamp()) + 60)
    over, current = told("leftovers", left=[left("old", "1"), left("new", later), left("broken", "soon")])
    assert "2 objects" in over.found
    assert "broken, old" in over.found
    assert "probe cleanup" in str(over.remedy)
    assert "new" in current.found
    assert "probe cleanup" not in str(current.remedy)


def test_what_the_guard_never_gives_way_to_is_missing_and_the_rest_a_warning() -> None:
    refusals = [Refusal(fact="the namespace is terminating", override=None), Refusal(fact="f", override="pending")]
    assert states("guard", refusals=refusals) == [State.MISSING, State.WARNING]
    assert states("guard") == [State.READY]


def test_a_guard_that_could_not_be_asked_has_agreed_to_nothing() -> None:
    assert states("guard", refusals=None) == [State.WARNING]


def test_where_leftovers_were_looked_for_is_told() -> None:
    assert "namespace lab" in only("leftovers", left_where="namespace lab").found
