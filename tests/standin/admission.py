"""What stands between a request to create something and the store, in the API server's order.

Namespace, defaults, LimitRange, Pod Security, quota: as in kube-apiserver, whose words are used where recorded.
"""

import copy

from jobs import quantity
from tests.standin import defaults, pod_security
from tests.standin.problem import Problem, forbidden, invalid, not_found
from tests.standin.resources import (
    CLAIMS,
    JOBS,
    LIMIT_RANGES,
    NAMESPACES,
    PODS,
    QUOTAS,
    SERVICES,
    STORAGE_CLASSES,
    Json,
    Resource,
)
from tests.standin.store import Store

_LEVEL = "pod-security.kubernetes.io/"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class Admission:
    """Judges and completes new objects; `service_ip` gives out addresses."""

    def __init__(self, store: Store, service_network: str) -> None:
        self._store = store
        self._service_network = service_network
        self._services = 10

    def admit(self, resource: Resource, namespace: str, sent: Json) -> tuple[Json, list[str]]:
        """Return the object to store and warnings. Raises Problem."""
        thing = copy.deepcopy(sent)
        meta = thing.setdefault("metadata", {})
        if thing.get("kind", resource.kind) != resource.kind:
            raise Problem(400, "BadRequest", f"{thing['kind']} in version can't be handled as a {resource.kind}")
        if not meta.get("name") and not meta.get("generateName"):
            raise invalid(resource, "", "metadata.name", "Required value: name or generateName is required")
        labels: dict[str, str] = {}
        if resource.namespaced:
            if meta.setdefault("namespace", namespace) != namespace:
                message = "the namespace of the provided object does not match the namespace sent on the request"
                raise Problem(400, "BadRequest", message)
            labels = self._namespace_labels(resource, meta.get("name", ""), namespace)
        defaults.complete(resource, thing)
        warnings = self._judge(resource, thing, labels)
        return thing, warnings

    def _judge(self, resource: Resource, thing: Json, labels: dict[str, str]) -> list[str]:
        if resource is CLAIMS:
            self._choose_class(thing)
        if resource is SERVICES and "clusterIP" not in thing["spec"]:
            thing["spec"]["clusterIP"] = self._next_service_ip()
        spec = thing["spec"] if resource is PODS else None
        if resource is JOBS:
            # The template is only warned about; its pods are refused one by one.
            found = pod_security.violations(thing["spec"]["template"]["spec"], labels.get(f"{_LEVEL}warn", ""))
            return [f"would {found.replace('violates', 'violate', 1)}"] if found else []
        if spec is not None:
            self._apply_limits(thing)
            found = pod_security.violations(spec, labels.get(f"{_LEVEL}enforce", ""))
            if found:
                raise forbidden(resource, _name(thing), found)
        if resource.namespaced:
            self._check_quotas(resource, thing)
        return []

    def _namespace_labels(self, resource: Resource, name: str, namespace: str) -> dict[str, str]:
        found = self._store.find(NAMESPACES, namespace)
        if found is None:
            raise not_found(NAMESPACES, namespace)
        if "deletionTimestamp" in found["metadata"]:
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(resource, name, why, causes=[cause])
        labels: dict[str, str] = found["metadata"].get("labels") or {}
        return labels

    def _choose_class(self, claim: Json) -> None:
        if "storageClassName" in claim["spec"]:
            return
        for storage_class in self._store.all(STORAGE_CLASSES):
            if (storage_class["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
                claim["spec"]["storageClassName"] = storage_class["metadata"]["name"]

    def _next_service_ip(self) -> str:
        self._services += 1
        return f"{self._service_network}.{self._services // 250}.{self._services % 250 + 1}"

    def _apply_limits(self, pod: Json) -> None:
        for limit_range in self._store.all(LIMIT_RANGES, pod["metadata"]["namespace"]):
            for line in limit_range["spec"]["limits"]:
                if line["type"] == "Container":
                    for container in pod["spec"]["containers"]:
                        _limit(pod, container, line)

    def _check_quotas(self, resource: Resource, thing: Json) -> None:
        for quota in self._store.all(QUOTAS, thing["metadata"]["namespace"]):
            name = quota["metadata"]["name"]
            used = usage_of(self._store, thing["metadata"]["namespace"])
            asked = demand(resource, thing)
            for key, hard in quota["spec"]["hard"].items():
                if resource is PODS and key.partition(".")[0] in ("requests", "limits") and key not in asked:
                    raise forbidden(resource, _name(thing), f"failed quota: {name}: must specify {key} for: probe")
                if key in asked and used.get(key, 0.0) + asked[key] > quantity.parse(hard):
                    amounts = (
                        f"requested: {key}={asked[key]:g}, used: {key}={used.get(key, 0.0):g}, limited: {key}={hard}"
                    )
                    raise forbidden(resource, _name(thing), f"exceeded quota: {name}, {amounts}")


def usage_of(store: Store, namespace: str) -> dict[str, float]:
    """Return what the objects of a namespace use, by the names that quotas use."""
    total: dict[str, float] = {}
    for resource, thing in store.everything():
        if resource.namespaced and thing["metadata"].get("namespace") == namespace:
            for key, amount in demand(resource, thing).items():
                total[key] = total.get(key, 0.0) + amount
    return total


def demand(resource: Resource, thing: Json) -> dict[str, float]:
    """Return what one object counts for in quotas; a pod that has ended counts for nothing."""
    amounts = {f"count/{resource.qualified}": 1.0}
    if not resource.group:
        amounts[resource.plural] = 1.0
    if resource is CLAIMS:
        amounts["requests.storage"] = quantity.parse(thing["spec"]["resources"]["requests"]["storage"])
    if resource is PODS:
        if thing["status"]["phase"] in ("Succeeded", "Failed"):
            return {f"count/{resource.qualified}": 1.0}
        for container in thing["spec"]["containers"]:
            for kind in ("requests", "limits"):
                for key, value in (container["resources"].get(kind) or {}).items():
                    amounts[f"{kind}.{key}"] = amounts.get(f"{kind}.{key}", 0.0) + quantity.parse(value)
        amounts |= {key: amounts[f"requests.{key}"] for key in ("cpu", "memory") if f"requests.{key}" in amounts}
    return amounts


def _limit(pod: Json, container: Json, line: Json) -> None:
    """Give a container the defaults of a LimitRange's line. Raises 403 where it is outside the bounds."""
    resources = container["resources"]
    for kind, default in (("limits", line.get("default")), ("requests", line.get("defaultRequest"))):
        for key, value in (default or {}).items():
            resources.setdefault(kind, {}).setdefault(key, value)
    for key, most in (line.get("max") or {}).items():
        stated = (resources.get("limits") or {}).get(key)
        if stated is None or quantity.parse(stated) > quantity.parse(most):
            stands = f"but limit is {stated}" if stated else "but no limit is specified"
            raise forbidden(PODS, _name(pod), f"maximum {key} usage per Container is {most}, {stands}")
    for key, least in (line.get("min") or {}).items():
        stated = (resources.get("requests") or {}).get(key)
        if stated is None or quantity.parse(stated) < quantity.parse(least):
            stands = f"but request is {stated}" if stated else "but no request is specified"
            raise forbidden(PODS, _name(pod), f"minimum {key} usage per Container is {least}, {stands}")


def _name(thing: Json) -> str:
    meta = thing["metadata"]
    return str(meta.get("name") or meta.get("generateName"))
