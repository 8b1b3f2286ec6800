"""The RBAC objects of a level, out of the table of fields: what the API server must allow, and nothing else. Pure."""

from collections.abc import Collection, Iterable
from typing import Any

from agent.levels import DataType, Level
from agent.wire.field import Permission
from agent.wire.fields import permissions

NAME = "telemetry-agent"
"""The name of the service account, and of the cluster-wide role and its binding."""
PROBES_NAME = f"{NAME}-probes"
"""The name of the role in the agent's own namespace, and of its binding."""
NAMESPACE = "prism-observability"
# Drift is found where probes run, and told as an Event about the agent's Deployment (see `agent.daemon.drift_event`).
_TELLS = Permission(group="events.k8s.io", resource="events", verbs=("create",), own_namespace=True)
_API = "rbac.authorization.k8s.io"

Manifest = dict[str, Any]


def needed(level: Level, data_types: Collection[DataType]) -> tuple[Permission, ...]:
    """Return what the agent asks of the API server: for the fields, and to tell drift where there are probes."""
    found = permissions(level, data_types)
    return (*found, _TELLS) if any(each.own_namespace for each in found) else found


def rbac_objects(level: Level, data_types: Collection[DataType], *, namespace: str) -> tuple[Manifest, ...]:
    """Return a ClusterRole and a Role, with a binding each.

    They are the same objects at every level, be it without a rule: to apply a lower level takes away what it lacks.
    """
    asked = needed(level, data_types)
    around = [each for each in asked if not each.own_namespace]
    own = [each for each in asked if each.own_namespace]
    return (
        *_granted("ClusterRole", {"name": NAME}, around, namespace),
        *_granted("Role", {"name": PROBES_NAME, "namespace": namespace}, own, namespace),
    )


def rules(asked: Iterable[Permission]) -> list[dict[str, list[str]]]:
    """Return the rules that grant what is asked: one for all resources of a group that take the same verbs."""
    verbs: dict[tuple[str, str], set[str]] = {}
    paths: set[str] = set()
    for each in asked:
        if each.path:
            paths.add(each.path)
        else:
            verbs.setdefault((each.group, each.resource), set()).update(each.verbs)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), granted in sorted(verbs.items()):
        alike.setdefault((group, tuple(sorted(granted))), []).append(resource)
    rules = [
        {"apiGroups": [group], "resources": resources, "verbs": list(granted)}
        for (group, granted), resources in alike.items()
    ]
    return [*rules, {"nonResourceURLs": sorted(paths), "verbs": ["get"]}] if paths else rules


def _granted(
    kind: str, metadata: dict[str, str], asked: Iterable[Permission], namespace: str
) -> tuple[Manifest, Manifest]:
    """Return a role and its binding to the agent's service account."""
    labels = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "prism"}

    def made(of_kind: str) -> Manifest:
        return {"apiVersion": f"{_API}/v1", "kind": of_kind, "metadata": {**metadata, "labels": dict(labels)}}

    return (
        {**made(kind), "rules": rules(asked)},
        {
            **made(f"{kind}Binding"),
            "roleRef": {"apiGroup": _API, "kind": kind, "name": metadata["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        },
    )
