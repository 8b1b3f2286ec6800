"""What the agent may do: what the table of fields says, each rule needed by somebody, nothing dangerous."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.collect.gather import gather
from agent.levels import DataType, Level
from agent.wire.field import Permission
from agent.wire.fields import permissions
from agent.wire.rbac import rbac_objects, rules
from jobs.preview import NEEDS
from tests.agent.collect.served import Cluster, scanning
from tests.deploy.objects import Json, objects
from tests.standin.list_server import Answer, Query, status

Grant = tuple[str, str, str]
"""Group, resource or path, verb."""
Statuses = Callable[[set[Grant]], dict[str, str]]


def roles(level: str, kind: str) -> list[Json]:
    return [each for each in objects(level) if each["kind"] == kind]


def grants(found: list[Json]) -> set[Grant]:
    granted: set[Grant] = set()
    for rule in (rule for role in found for rule in role["rules"]):
        granted |= {("", path, verb) for path in rule.get("nonResourceURLs", ()) for verb in rule["verbs"]}
        granted |= {
            (group, resource, verb)
            for group in rule.get("apiGroups", ())
            for resource in rule.get("resources", ())
            for verb in rule["verbs"]
        }
    return granted


def as_grants(asked: list[Permission]) -> set[Grant]:
    return {(each.group, each.path or each.resource, verb) for each in asked for verb in each.verbs}


def test_each_level_may_what_the_table_says_and_nothing_else(level: str) -> None:
    asked = permissions(Level(level), tuple(DataType))
    assert grants(roles(level, "ClusterRole")) == as_grants([each for each in asked if not each.own_namespace])
    own = as_grants([each for each in asked if each.own_namespace])
    # Drift that probes find is told as an Event.
    assert grants(roles(level, "Role")) == (own | {("events.k8s.io", "events", "create")} if own else set())


def test_only_the_detailed_level_may_anything_in_its_namespace() -> None:
    assert [level for level in Level if grants(roles(level, "Role"))] == [Level.DETAILED]


def test_to_apply_a_lower_level_takes_away_what_it_lacks() -> None:
    """`kubectl apply` changes the objects that it is given, and removes none."""
    kinds = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    names = [{(kind, each["metadata"]["name"]) for kind in kinds for each in roles(level, kind)} for level in Level]
    assert names[0] == names[1] == names[2]


def test_each_role_is_bound_to_the_agents_account_alone(level: str) -> None:
    bindings = [*roles(level, "ClusterRoleBinding"), *roles(level, "RoleBinding")]
    names = {
        (each["kind"], each["metadata"]["name"]) for kind in ("ClusterRole", "Role") for each in roles(level, kind)
    }
    assert {(each["roleRef"]["kind"], each["roleRef"]["name"]) for each in bindings} == names
    for each in bindings:
        account = {"kind": "ServiceAccount", "name": "telemetry-agent", "namespace": "prism-observability"}
        assert each["subjects"] == [account]


def test_nothing_dangerous_is_allowed_at_any_level(level: str) -> None:
    for group, resource, verb in grants([*roles(level, "ClusterRole"), *roles(level, "Role")]):
        assert "*" not in (group, resource, verb)
        assert resource not in {"secrets", "pods/exec", "pods/attach", "nodes/proxy", "serviceaccounts/token"}
        assert group != "rbac.authorization.k8s.io"
        assert verb not in {"escalate", "bind", "impersonate", "update", "patch", "deletecollection"}


def test_across_the_cluster_it_only_reads(level: str) -> None:
    assert {verb for _, _, verb in grants(roles(level, "ClusterRole"))} <= {"get", "list"}


def test_a_data_type_that_is_off_costs_its_rules() -> None:
    without = [each for each in DataType if each is not DataType.NETWORK_POLICIES]
    found = rbac_objects(Level.DETAILED, without, namespace="lab")
    assert "networkpolicies" not in json.dumps(found)
    assert "networkpolicies" in json.dumps(rbac_objects(Level.DETAILED, tuple(DataType), namespace="lab"))


def test_verbs_of_one_resource_come_together() -> None:
    asked = [Permission(resource="pods"), Permission(resource="pods", verbs=("watch",))]
    assert rules(asked) == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]


class Guarded(Cluster):
    """The recorded cluster behind an authorizer that knows some grants."""

    def __init__(self, granted: set[Grant]) -> None:
        super().__init__()
        self.granted = granted
        self.groups += ["prism.io", "crd.projectcalico.org"]
        self.lists |= {"/apis/prism.io/v1alpha1/cells": [], "/apis/crd.projectcalico.org/v1/felixconfigurations": []}

    def answer(self, path: str, query: Query) -> Answer:
        parts = path.strip("/").split("/")
        group, resource = parts[1] if parts[0] == "apis" and len(parts) > 2 else "", parts[-1]
        is_path = len(parts) < 3
        if (("", path, "get") if is_path else (group, resource, "list")) in self.granted:
            return super().answer(path, query)
        refused = f'path "{path}"' if is_path else f'resource "{resource}" in API group "{group}" at the cluster scope'
        return status(403, "Forbidden", f'forbidden: User "x" cannot {"get" if is_path else "list"} {refused}')


@pytest.fixture
def statuses(level: str, tmp_path: Path) -> Iterator[Statuses]:
    """Collect with some grants, and return how each collector ended."""
    cluster = Guarded(set())
    with scanning(cluster, tmp_path) as (scan, _):

        def collect(granted: set[Grant]) -> dict[str, str]:
            cluster.granted = granted
            return dict(gather(scan, level=Level(level), data_types=tuple(DataType)).statuses)

        yield collect


def test_with_all_of_its_rules_no_collector_is_refused(level: str, statuses: Statuses) -> None:
    found = statuses(grants(roles(level, "ClusterRole")))
    assert found
    assert set(found.values()) == {"ok"}


def test_without_any_one_of_its_rules_a_collector_is_refused(level: str, statuses: Statuses) -> None:
    granted = grants(roles(level, "ClusterRole"))
    unnoticed = {each for each in granted if "forbidden" not in statuses(granted - {each}).values()}
    # What collectors don't read is there for probe Jobs, which have `NEEDS` for a reason of each.
    others = set(DataType) - {DataType.BENCHMARKS}
    assert unnoticed == granted - as_grants(list(permissions(Level(level), others)))


def test_what_probe_jobs_may_is_what_a_run_says_it_needs_and_why() -> None:
    needs = {
        (need.kind.api.group, need.kind.api.plural + (f"/{need.subresource}" if need.subresource else ""), need.verb)
        for need in NEEDS
        if need.namespaced and need.why
    }
    assert grants(roles("detailed", "Role")) - needs == {("events.k8s.io", "events", "create")}
    assert needs <= grants(roles("detailed", "Role"))


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_scheduled_benchmarks_may_what_a_run_needs(kind: str) -> None:
    needs = {
        (need.kind.api.group, need.kind.api.plural + (f"/{need.subresource}" if need.subresource else ""), need.verb)
        for need in NEEDS
        if need.namespaced is (kind == "Role")
    }
    assert grants([each for each in objects("benchmarks") if each["kind"] == kind]) == needs
