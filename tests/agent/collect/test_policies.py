"""Shapes of network policies, kinds of addresses, and namespaces that let nobody in."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.collect.kinds import POLICIES
from agent.collect.policies import block_kind, direction_of, peers_of, ports_of
from agent.collect.shapes_policies import PolicySpec
from agent.levels import DataType, Level
from agent.wire.vocabulary import POLICY_DIRECTIONS, POLICY_PEERS, POLICY_PORTS
from tests.agent.collect.served import Cluster, collected

Json = dict[str, Any]
ALL: Json = {"podSelector": {}}
PODS, SPACES = {"podSelector": {"matchLabels": {"a": "b"}}}, {"namespaceSelector": {}}
BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8"}}


def spec_of(spec: Json) -> PolicySpec:
    return POLICIES.decode(json.dumps([{"metadata": {}, "spec": spec}]).encode())[0].spec


def ingress(*rules: Json) -> Json:
    return ALL | {"policyTypes": ["Ingress"], "ingress": list(rules)}


def ports(*given: Json) -> Json:
    return ingress({"from": [PODS], "ports": list(given)})


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (ALL | {"policyTypes": ["Ingress"]}, "nobody"),
        (ingress({}), "anywhere"),
        (ingress({"from": []}), "anywhere"),
        (ingress({"from": [PODS, PODS]}), "pods"),
        (ingress({"from": [SPACES]}), "namespaces"),
        (ingress({"from": [PODS | SPACES]}), "pods_of_namespaces"),
        (ingress({"from": [BLOCK]}), "ip_blocks"),
        (ingress({"from": [BLOCK]}, {"from": [PODS]}), "mixed"),
        # What is in a direction that the policy doesn't bound says nothing.
        (ALL | {"policyTypes": ["Ingress"], "egress": [{"to": [BLOCK]}]}, "nobody"),
    ],
)
def test_peers_are_told_by_kind(spec: Json, word: str) -> None:
    assert peers_of(spec_of(spec)) == word
    assert word in POLICY_PEERS


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (ALL | {"policyTypes": ["Ingress"]}, "none"),
        (ingress({"from": [PODS]}), "all"),
        (ports({"port": 80}), "one"),
        (ports(*[{"port": number} for number in range(4)]), "few"),
        (ports(*[{"port": number} for number in range(5)]), "many"),
        (ports({"port": 32000, "endPort": 32768}), "range"),
    ],
)
def test_ports_are_told_by_how_many(spec: Json, word: str) -> None:
    assert ports_of(spec_of(spec)) == word
    assert word in POLICY_PORTS


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (ALL | {"policyTypes": ["Ingress"]}, "ingress"),
        (ALL | {"policyTypes": ["Egress"]}, "egress"),
        (ALL | {"policyTypes": ["Ingress", "Egress"]}, "both"),
        (ALL, "ingress"),
        (ALL | {"egress": [{}]}, "both"),
    ],
)
def test_directions_are_those_that_the_server_would_write_down(spec: Json, word: str) -> None:
    assert direction_of(spec_of(spec)) == word
    assert word in POLICY_DIRECTIONS


@pytest.mark.parametrize(
    ("cidr", "kind"),
    [
        ("10.0.0.0/8", "private_v4"),
        ("192.168.1.7/24", "private_v4"),
        ("169.254.169.254/32", "link_local_v4"),
        ("0.0.0.0/0", "public_v4"),
        ("8.8.8.0/24", "public_v4"),
        ("fd00::/8", "private_v6"),
        ("fe80::/10", "link_local_v6"),
        ("2600::/16", "public_v6"),
        ("::/0", "public_v6"),
    ],
)
def test_addresses_are_told_by_kind(cidr: str, kind: str) -> None:
    assert block_kind(cidr) == kind


def test_policies_are_counted_by_shape(tmp_path: Path) -> None:
    def policy(namespace: str, spec: Json) -> Json:
        return {"metadata": {"name": "canary", "namespace": namespace}, "spec": spec}

    deny, some = ALL | {"policyTypes": ["Ingress"]}, PODS | {"policyTypes": ["Ingress"]}
    egress = ALL | {"policyTypes": ["Egress"], "egress": [{"to": [BLOCK, {"ipBlock": {"cidr": "8.8.8.8/32"}}]}]}
    cluster = Cluster()
    namespaces = len(cluster.lists["/api/v1/namespaces"])
    cluster.lists["/apis/networking.k8s.io/v1/networkpolicies"] = [
        policy("a", deny), policy("a", deny), policy("b", some), policy("c", egress),
    ]  # fmt: skip
    facts = collected(cluster, tmp_path, Level.DETAILED, DataType.NETWORK_POLICIES).policies
    assert facts is not None
    assert facts.count == 4
    assert facts.default_deny_share == pytest.approx(1 / namespaces)
    assert (facts.private_v4, facts.public_v4, facts.link_local_v6) == (1, 1, 0)
    assert facts.shapes is not None
    assert {(each.direction, each.peers, each.ports): each.count for each in facts.shapes} == {
        ("ingress", "nobody", "none"): 3,
        ("egress", "ip_blocks", "all"): 1,
    }
