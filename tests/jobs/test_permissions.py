"""Permissions that are lacking, and the roles that grant them."""

import pytest

from jobs.finding import State
from jobs.objects import Event, Job, Node, Pod
from jobs.permissions import Answered, findings, roles, rules
from jobs.preview import NEEDS, Need

LOG = Need(verb="get", kind=Pod, subresource="log", namespaced=True, why="read results")
NODES = Need(verb="list", kind=Node, namespaced=False, why="choose nodes")


def answered(*refused: Need) -> list[Answered]:
    return [Answered(need=need, allowed=need not in refused) for need in NEEDS]


def granted() -> set[tuple[str, str, str, str]]:
    """What the roles grant, as (kind of role, group, resource, verb)."""
    return {
        (role["kind"], group, resource, verb)
        for role in roles(NEEDS, "lab")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_where_nothing_is_lacking_one_line_says_so() -> None:
    (found,) = findings(answered(), "lab")
    assert found.state is State.READY
    assert f"all {len(NEEDS)}" in found.found


def test_what_is_lacking_of_a_resource_is_told_in_one_line_with_what_is_lost_and_the_rule_that_grants_it() -> None:
    refused = [need for need in NEEDS if need.kind is Job and need.verb in {"create", "delete"}]
    lacking, others = findings(answered(*refused), "lab")
    assert lacking.state is State.MISSING
    assert "may not create, delete jobs.batch in namespace lab" in lacking.found
    assert "run probes, clean up" in lacking.found
    assert "{apiGroups: [batch], resources: [jobs], verbs: [create, delete]}" in str(lacking.remedy)
    assert others.state is State.READY


def test_lacking_what_a_run_can_do_without_is_a_warning() -> None:
    refused = [need for need in NEEDS if need.kind is Event]
    lacking, _ = findings(answered(*refused), "lab")
    assert lacking.state is State.WARNING


def test_a_permission_on_the_cluster_is_not_confused_with_the_same_one_in_the_namespace() -> None:
    refused = [need for need in NEEDS if need.kind is Pod and not need.namespaced]
    lacking, _ = findings(answered(*refused), "lab")
    assert "may not list pods on the whole cluster" in lacking.found
    assert "ClusterRole" in str(lacking.remedy)


def test_the_authorizers_own_words_are_kept() -> None:
    (found,) = findings([Answered(need=NODES, allowed=False, reason="no such user")], "lab")
    assert found.found.endswith("(no such user)")


def test_the_core_group_is_written_as_yaml_has_it() -> None:
    (found,) = findings([Answered(need=NODES, allowed=False)], "lab")
    assert '{apiGroups: [""], resources: [nodes], verbs: [list]}' in str(found.remedy)


def test_a_subresource_is_a_resource_of_its_own() -> None:
    assert rules([LOG]) == [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]


def test_the_roles_grant_every_need_and_nothing_else() -> None:
    needed = {
        (
            "Role" if need.namespaced else "ClusterRole",
            need.kind.api.group,
            need.kind.api.plural + (f"/{need.subresource}" if need.subresource else ""),
            need.verb,
        )
        for need in NEEDS
    }
    assert granted() == needed


@pytest.mark.parametrize("verb", ["*", "update", "patch", "deletecollection", "escalate", "impersonate"])
def test_no_role_grants_more_than_creating_deleting_and_looking(verb: str) -> None:
    assert verb not in {each for _, _, _, each in granted()}
