"""A machine without a cluster, told of as a one-node standalone installation.

Levels and data types as for a cluster. Reads what the kernel tells everybody; nothing is asked of the network. What
only a cluster has (workloads, cells, policies) is `missing_api`.
"""

import os
from collections.abc import Callable, Collection
from typing import Any

import psutil

from agent.collect.gather import COLLECTORS
from agent.collect.quantities import GIB
from agent.kube.scan import Problem
from agent.levels import DataType, Level
from agent.wire.facts import ClusterFacts, Facts, NodePool, NodesFacts, UsageFacts
from agent.wire.vocabulary import OTHER
from probes.environment import describe

# As Kubernetes names them.
_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "amd64"}
# What clouds write into the firmware's vendor and product. Azure's reads like any Hyper-V, and is not told apart.
_VENDORS = {
    "Alibaba Cloud": "alibaba",
    "Amazon EC2": "aws",
    "DigitalOcean": "digitalocean",
    "Google": "gcp",
    "Hetzner": "hetzner",
    "Linode": "linode",
    "OpenStack": "openstack",
}
_LOOK_SECONDS = 0.2
_IDLE_SHARE = 0.1


def host_facts(*, level: Level, data_types: Collection[DataType]) -> Facts:
    """Return what the collectors of a level and some data types find out on this machine."""
    chosen = [each for each in COLLECTORS if level.includes(each.level) and each.data_type in data_types]
    subjects = {each.name: _SUBJECTS[each.name]() for each in chosen if each.name in _SUBJECTS}
    statuses = {each.name: "ok" if each.name in _SUBJECTS else Problem.MISSING_API.value for each in chosen}
    return Facts(**subjects, statuses=statuses)


def provider_of(machine_model: str) -> str:
    """Return whose machine this is by its vendor and product, `other` where they say nothing that is known."""
    return next((word for vendor, word in _VENDORS.items() if machine_model.startswith(vendor)), OTHER)


def _cluster() -> ClusterFacts:
    return ClusterFacts(distribution="standalone", provider=provider_of(str(describe().get("machine_model", ""))))


def _nodes() -> NodesFacts:
    facts = describe()
    machine = str(facts["architecture"])
    architecture = _ARCHITECTURES.get(machine, machine)
    cores, memory_gib = float(os.cpu_count() or 1), psutil.virtual_memory().total / GIB
    pool = NodePool(name="host", count=1, cpu_cores=cores, memory_gib=memory_gib, architecture=architecture)
    return NodesFacts(
        count=1, cpu_cores=cores, memory_gib=memory_gib, architectures=(architecture,), multi_zone=False, pools=(pool,)
    )


def _usage() -> UsageFacts:
    """Return what the machine uses now; nothing is requested of it, so that the rest is not known."""
    cpu = psutil.cpu_percent(interval=_LOOK_SECONDS) / 100
    memory = psutil.virtual_memory()
    used = 1 - memory.available / memory.total
    return UsageFacts(
        cpu_used_p50=cpu,
        cpu_used_p90=cpu,
        cpu_used_max=cpu,
        memory_used_p50=used,
        memory_used_p90=used,
        memory_used_max=used,
        idle_nodes=int(cpu < _IDLE_SHARE),
    )


_SUBJECTS: dict[str, Callable[[], Any]] = {"cluster": _cluster, "nodes": _nodes, "usage": _usage}
