"""What the server adds to objects of some kinds, as far as anything reads it. Pure."""

from typing import Any

from tests.standin.problem import invalid
from tests.standin.resources import CLAIMS, JOBS, NAMESPACES, PODS, SERVICES, Json, Resource


def complete(resource: Resource, thing: Json) -> None:
    """Add the defaults of `resource`. Raises 422 where something that must be there is not."""
    add = {PODS: _pod, JOBS: _job, SERVICES: _service, CLAIMS: _claim, NAMESPACES: _namespace}.get(resource)
    if add is not None:
        add(thing)


def _set(thing: Json, **defaults: Any) -> None:
    for key, value in defaults.items():
        thing.setdefault(key, value)


def _pod_spec(resource: Resource, name: str, spec: Json) -> None:
    if not spec.get("containers"):
        raise invalid(resource, name, "spec.containers", "Required value")
    for container in spec["containers"]:
        for field in ("name", "image"):
            if not container.get(field):
                raise invalid(resource, name, f"spec.containers[0].{field}", "Required value")
        _set(
            container,
            resources={},
            terminationMessagePath="/dev/termination-log",
            terminationMessagePolicy="File",
            imagePullPolicy="Always" if container["image"].endswith(":latest") else "IfNotPresent",
        )
        resources = container["resources"]
        # What has a limit and no request requests its limit.
        for key, value in (resources.get("limits") or {}).items():
            resources.setdefault("requests", {}).setdefault(key, value)
    _set(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
        enableServiceLinks=True,
        serviceAccountName="default",
    )


def _pod(thing: Json) -> None:
    _pod_spec(PODS, thing["metadata"].get("name", ""), thing["spec"])
    thing["status"] = {"phase": "Pending", "qosClass": _quality(thing["spec"])}


def _quality(spec: Json) -> str:
    amounts = [container["resources"] for container in spec["containers"]]
    if not any(each.get("requests") or each.get("limits") for each in amounts):
        return "BestEffort"
    guaranteed = all({"cpu", "memory"} <= set(each.get("limits") or ()) for each in amounts)
    same = all(each.get("requests") == each.get("limits") for each in amounts)
    return "Guaranteed" if guaranteed and same else "Burstable"


def _job(thing: Json) -> None:
    name, spec = thing["metadata"].get("name", ""), thing["spec"]
    template = spec["template"]
    _pod_spec(JOBS, name, template["spec"])
    if template["spec"]["restartPolicy"] not in ("Never", "OnFailure"):
        message = 'Required value: valid values: "OnFailure", "Never"'
        raise invalid(JOBS, name, "spec.template.spec.restartPolicy", message)
    _set(spec, parallelism=1, completions=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    thing["status"] = {}


def _service(thing: Json) -> None:
    spec = thing["spec"]
    for port in spec.get("ports", ()):
        _set(port, protocol="TCP", targetPort=port["port"])
    _set(spec, type="ClusterIP", sessionAffinity="None", ipFamilies=["IPv4"], internalTrafficPolicy="Cluster")
    thing["status"] = {"loadBalancer": {}}


def _claim(thing: Json) -> None:
    _set(thing["spec"], volumeMode="Filesystem")
    _set(thing["metadata"], finalizers=["kubernetes.io/pvc-protection"])
    thing["status"] = {"phase": "Pending"}


def _namespace(thing: Json) -> None:
    thing["spec"] = {"finalizers": ["kubernetes"]}
    thing["status"] = {"phase": "Active"}
    name = thing["metadata"]["name"]
    thing["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
