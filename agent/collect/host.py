"""A machine without a cluster, described as a standalone installation of one node.

So that the agent can be tried anywhere, and shows what it would say. Level minimal (use: standard), `cluster_info` and
`resource_usage`. Reads what the kernel tells everybody; of the firmware's words only which provider they name is kept.
"""

import os
import platform
from collections.abc import Collection
from pathlib import Path

import psutil

from agent.collect.quantities import GIB
from agent.facts import ClusterFacts, Facts, NodesFacts, Raw, UsageFacts
from agent.levels import DataType, Level

_DMI = Path("/sys/class/dmi/id")
_DMI_FILES = ("sys_vendor", "product_name", "chassis_asset_tag", "bios_vendor")
# The firmware's words that tell a provider's machines, as cloud-init's ds-identify knows them
# (https://cloudinit.readthedocs.io/en/latest/reference/datasources.html).
_VENDORS = {
    "alibaba cloud": "alibaba",
    "amazon ec2": "aws",
    "7783-7084-3265-9085-8269-3286-77": "azure",
    "digitalocean": "digitalocean",
    "google": "gcp",
    "hetzner": "hetzner",
    "openstack": "openstack",
    "oraclecloud.com": "oracle",
    "vmware": "vsphere",
}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
# One busy second is what a machine does anyway; a mean over less depends on the moment.
_SAMPLE_SECONDS = 1.0
# How a machine without a cluster answers the others, which would ask an API server.
_NO_CLUSTER = "missing_api"
_OF_CLUSTERS = {
    "workloads": (Level.STANDARD, DataType.WORKLOAD_TYPES),
    "platform": (Level.STANDARD, DataType.PLATFORM_FEATURES),
    "policies": (Level.DETAILED, DataType.NETWORK_POLICIES),
}


def host_facts(*, level: Level, data_types: Collection[DataType]) -> Facts:
    """Return what a level and some data types let know about this machine. Takes a second at standard and above."""
    found: dict[str, Raw] = {}
    if DataType.CLUSTER_INFO in data_types:
        found["cluster"] = ClusterFacts(distribution="standalone", provider=_provider())
        found["nodes"] = _nodes()
    if level.includes(Level.STANDARD) and DataType.RESOURCE_USAGE in data_types:
        found["usage"] = _usage()
    lacking = {
        name: _NO_CLUSTER
        for name, (lowest, data_type) in _OF_CLUSTERS.items()
        if level.includes(lowest) and data_type in data_types
    }
    subjects: dict[str, object] = {**found}
    return Facts(**subjects, statuses={**dict.fromkeys(found, "ok"), **lacking})  # type: ignore[arg-type]  # by name


def _nodes() -> NodesFacts:
    machine = platform.machine()
    return NodesFacts(
        count=1,
        cpu_cores=float(os.cpu_count() or 1),
        memory_gib=psutil.virtual_memory().total / GIB,
        architectures=(_MACHINES.get(machine, machine),),
    )


def _usage() -> UsageFacts:
    """Of one node, the middle and the largest are the same. Nothing is requested where there is no scheduler."""
    cpu = psutil.cpu_percent(interval=_SAMPLE_SECONDS) / 100
    memory = psutil.virtual_memory()
    used = (memory.total - memory.available) / memory.total
    return UsageFacts(
        cpu_used_p50=cpu,
        cpu_used_p90=cpu,
        cpu_used_max=cpu,
        memory_used_p50=used,
        memory_used_p90=used,
        memory_used_max=used,
    )


def _provider() -> str:
    """Return whose machine it is; what says nothing about a provider is a machine of one's own."""
    words = " ".join(_read(_DMI / name) for name in _DMI_FILES).lower()
    return next((provider for mark, provider in _VENDORS.items() if mark in words), "other")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
