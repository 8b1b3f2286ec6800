"""Short ways to objects of a cluster."""

from typing import Any

from jobs.objects import Condition, Container, Meta, Node, Pod, Resources, StorageClass, Taint
from jobs.plan import Request
from jobs.site import Site

READY = Condition(type="Ready", status="True")
SECONDS = {"storage": 20.0, "latency": 8.0, "throughput": 12.0, "dns": 3.0, "startup": 4.0, "utilization": 3.0}
GIB = 2**30


def node(name: str, **fields: Any) -> Node:
    labels = fields.pop("labels", {})
    taints = tuple(Taint(key=key, effect=effect) for key, effect in fields.pop("taints", {}).items())
    plain: dict[str, Any] = {
        "allocatable": Resources(cpu_cores=4.0, memory_bytes=16 * GIB, pods=110),
        "conditions": (READY,),
        "architecture": "amd64",
        "kubelet_version": "v1.36.2",
    }
    return Node(meta=Meta(name=name, labels=labels), taints=taints, **(plain | fields))


def nodes(count: int) -> list[Node]:
    return [node(f"n{number:03}") for number in range(count)]


def storage_class(name: str, **fields: Any) -> StorageClass:
    plain = {"provisioner": f"{name}.example", "binding_mode": "WaitForFirstConsumer"}
    return StorageClass(meta=Meta(name=name), **(plain | fields))


def pod(name: str = "p", **fields: Any) -> Pod:
    meta = Meta(name=name, namespace=fields.pop("namespace", "lab"), uid=f"uid-{name}", labels=fields.pop("labels", {}))
    return Pod(meta=meta, **fields)


def condition(type_: str, status: str = "True", **fields: Any) -> Condition:
    return Condition(type=type_, status=status, **fields)


def container(state: str, **fields: Any) -> Container:
    return Container(name="probe", state=state, **fields)


def request(*probes: str, **fields: Any) -> Request:
    plain: dict[str, Any] = {"run_id": "abc123", "namespace": "lab", "image": "registry.example/probe:1"}
    return Request(probes=probes, **(plain | fields))


def site(**fields: Any) -> Site:
    plain: dict[str, Any] = {
        "run_id": "abc123",
        "namespace": "lab",
        "image": "registry.example/probe:1",
        "expires_unix_seconds": 1_800_000_000,
        "owner": Meta(name="probe-abc123-run", namespace="lab", uid="1-2-3"),
    }
    return Site(**(plain | fields))
