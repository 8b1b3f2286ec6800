"""What tells clients which kinds there are: `/api`, `/apis` and the lists below them. Pure."""

from tests.standin.resources import SERVED, Json, Resource

_SHORT_NAMES = {"pods": "po", "services": "svc", "configmaps": "cm", "persistentvolumeclaims": "pvc", "nodes": "no"}
_IN_ALL = {"pods", "services", "jobs", "deployments", "daemonsets", "statefulsets"}


def answer(path: str, served: tuple[Resource, ...] = SERVED) -> Json | None:
    """Return what discovery says at `path`, None where it says nothing."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"]}
    if parts == ["apis"]:
        names = dict.fromkeys(each.group for each in served if each.group)
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, served) for name in names]}
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2]) if len(parts) == 3 else ("", "")
    found = [each for each in served if (each.group, each.version) == (group, version)]
    if len(parts) != (2 if parts[0] == "api" else 3) or not found:
        return None
    resources = [_resource(each) for each in found]
    return {"kind": "APIResourceList", "groupVersion": found[0].api_version, "resources": resources}


def _group(name: str, served: tuple[Resource, ...]) -> Json:
    version = next(each for each in served if each.group == name)
    described = {"groupVersion": version.api_version, "version": version.version}
    return {"name": name, "versions": [described], "preferredVersion": described}


def _resource(resource: Resource) -> Json:
    short = {"shortNames": [_SHORT_NAMES[resource.plural]]} if resource.plural in _SHORT_NAMES else {}
    return {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
        "categories": ["all"] if resource.plural in _IN_ALL and not resource.group.startswith("metrics") else [],
        **short,
    }
