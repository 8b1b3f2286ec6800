"""What the API server does with a request, whoever sent it: paths, verbs, lists in pages, dry runs, reviews, logs."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.standin import discovery
from tests.standin.admission import Admission
from tests.standin.faults import Faults
from tests.standin.metrics import Metrics
from tests.standin.problem import Problem, expired, not_found
from tests.standin.resources import (
    BY_PATH,
    NODE_METRICS,
    POD_METRICS,
    REVIEWS,
    SERVED,
    Json,
    Resource,
)
from tests.standin.selectors import matches_fields, matches_labels
from tests.standin.store import Store

_VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.2", "platform": "linux/amd64"}
Query = dict[str, str]
Rule = Callable[[str, Resource, str, str], bool]
"""Whether a verb on a resource, in a namespace, on a subresource is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a path names."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: JSON, or bytes as they are."""

    content: Json | bytes
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def target_of(path: str) -> Target | None:
    """Return what `path` names, None where nothing of that kind is served."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and (group, version, rest[2]) in BY_PATH:
        namespace, rest = rest[1], rest[2:]
    if not rest or (group, version, rest[0]) not in BY_PATH:
        return None
    name, subresource = (*rest[1:3], "", "")[:2]
    return Target(resource=BY_PATH[(group, version, rest[0])], namespace=namespace, name=name, subresource=subresource)


def verb_of(method: str, target: Target, query: Query) -> str:
    """Return the verb, as permissions know it."""
    if method == "GET":
        return "get" if target.name else "watch" if query.get("watch") in ("1", "true") else "list"
    return {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method) or (
        "delete" if target.name else "deletecollection"
    )


def allow_all(*_: object) -> bool:
    return True


def serve_all(_: Resource) -> bool:
    return True


def _no_log(*_: object) -> tuple[bytes, bool]:
    return b"", True


class Api:
    """Answers requests from what is stored. Thread-safe."""

    def __init__(self, store: Store, faults: Faults, admission: Admission, metrics: Metrics) -> None:
        self.store = store
        self.faults = faults
        self.admission = admission
        self.metrics = metrics
        self.read_log: Callable[[Json, str], tuple[bytes, bool]] = _no_log
        """Returns a container's log, and whether nothing will be added to it; the node's part."""
        self.rule: Rule = allow_all
        """Judges every request, and SelfSubjectAccessReviews."""
        self.bookmark_seconds = 60.0
        self.served: Callable[[Resource], bool] = serve_all

    def answer(self, method: str, path: str, query: Query, body: bytes) -> Reply:
        """Return the answer to anything but a watch. Raises Problem."""
        target = target_of(path)
        if target is None:
            return self._undirected(path)
        verb = verb_of(method, target, query)
        self.check(verb, target)
        sent = json.loads(body) if body else {}
        match verb:
            case "get":
                reply = self._get(target, query)
            case "list":
                reply = Reply(content=self._list(target, query))
            case "create":
                reply = self._create(target, sent, dry_run=query.get("dryRun") == "All")
            case "delete":
                reply = self._delete(target, sent, query)
            case "deletecollection":
                reply = self._delete_all(target, query)
            case _:
                reply = self._change(verb, target, sent)
        self.faults.of_answer(verb, target.resource.plural)
        return reply

    def check(self, verb: str, target: Target) -> None:
        """Raise what stands against the request: a fault, an API that isn't served, a missing permission."""
        resource = target.resource
        if not self.served(resource):
            raise Problem(404, "NotFound", "the server could not find the requested resource")
        problem = self.faults.of_request(verb, resource.plural)
        if problem is None and resource.group == "metrics.k8s.io":
            problem = self.faults.metrics_problem
        if problem is not None:
            raise problem
        if resource is not REVIEWS and not self.rule(verb, resource, target.namespace, target.subresource):
            raise _no_permission(verb, target)

    def _undirected(self, path: str) -> Reply:
        if path == "/version":
            return Reply(content=_VERSION)
        served = tuple(resource for resource in SERVED if self.served(resource))
        if (told := discovery.answer(path, served)) is not None:
            return Reply(content=told)
        return Reply(content=b"404 page not found\n", code=404, headers={"Content-Type": "text/plain"})

    def _get(self, target: Target, query: Query) -> Reply:
        if target.resource is NODE_METRICS or target.resource is POD_METRICS:
            for item in self.metrics.items(target.resource, target.namespace):
                if item["metadata"]["name"] == target.name:
                    return Reply(content=item)
            raise not_found(target.resource, target.name)
        thing = self.store.get(target.resource, target.name, target.namespace)
        if target.subresource == "log":
            return Reply(content=self._log(thing, query), headers={"Content-Type": "text/plain"})
        return Reply(content=thing)

    def _log(self, pod: Json, query: Query) -> bytes:
        log, _ = self.read_log(pod, container_of(pod, query))
        if "tailLines" in query:
            log = b"".join(log.splitlines(keepends=True)[-int(query["tailLines"]) :])
        return log[: int(query["limitBytes"])] if "limitBytes" in query else log

    def matching(self, target: Target, query: Query) -> list[Json]:
        """Return the objects that a list or a watch is about."""
        if target.resource in (NODE_METRICS, POD_METRICS):
            things = self.metrics.items(target.resource, target.namespace)
        else:
            things = self.store.all(target.resource, target.namespace or None)
        return [thing for thing in things if is_selected(thing, query)]

    def _list(self, target: Target, query: Query) -> Json:
        with self.store.changed:
            version, after = self.store.version, ""
            if token := query.get("continue"):
                version, after = _read_token(token)
                if version < self.store.oldest_version:
                    raise expired(version, self.store.version)
            things = [thing for thing in self.matching(target, query) if _place(thing) > after]
        resource, limit = target.resource, int(query.get("limit") or 0)
        meta: Json = {"resourceVersion": str(version)} if resource.group != "metrics.k8s.io" else {}
        if 0 < limit < len(things):
            meta["continue"] = _make_token(version, _place(things[limit - 1]))
            meta["remainingItemCount"] = len(things) - limit
            things = things[:limit]
        items = [{key: value for key, value in thing.items() if key not in ("kind", "apiVersion")} for thing in things]
        return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta, "items": items}

    def _create(self, target: Target, sent: Json, *, dry_run: bool) -> Reply:
        resource = target.resource
        if resource is REVIEWS:
            return Reply(content=self._review(sent), code=201)
        with self.store.changed:
            admitted, warnings = self.admission.admit(resource, target.namespace, sent)
            stored = (self.store.prepared if dry_run else self.store.create)(resource, admitted)
        headers = {"Warning": f'299 - "{warnings[0]}"'} if warnings else {}
        return Reply(content=stored, code=201, headers=headers)

    def _review(self, sent: Json) -> Json:
        asked = sent["spec"]["resourceAttributes"]
        wanted = (asked.get("group", ""), asked["resource"])
        resource = next((each for each in SERVED if (each.group, each.plural) == wanted), None)
        allowed = resource is not None and self.rule(
            asked["verb"], resource, asked.get("namespace", ""), asked.get("subresource", "")
        )
        return sent | {"metadata": {}, "status": {"allowed": allowed}}

    def _delete(self, target: Target, sent: Json, query: Query) -> Reply:
        grace = sent.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        deleted = self.store.delete(
            target.resource, target.name, target.namespace, grace_seconds=None if grace is None else int(grace)
        )
        if self.store.find(target.resource, target.name, target.namespace) is not None:
            return Reply(content=deleted)
        details = {"name": target.name, "kind": target.resource.plural, "uid": deleted["metadata"]["uid"]}
        return Reply(content={"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details})

    def _delete_all(self, target: Target, query: Query) -> Reply:
        for thing in self.matching(target, query):
            meta = thing["metadata"]
            self.store.delete(target.resource, meta["name"], meta.get("namespace", ""))
        return Reply(content={"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _change(self, verb: str, target: Target, sent: Json) -> Reply:
        if verb == "update":
            return Reply(content=self.store.replace(target.resource, sent))
        changed = self.store.update(target.resource, target.name, target.namespace, lambda thing: _merge(thing, sent))
        if changed is None:
            raise not_found(target.resource, target.name)
        return Reply(content=changed)


def container_of(pod: Json, query: Query) -> str:
    return query.get("container") or str(pod["spec"]["containers"][0]["name"])


def is_selected(thing: Json, query: Query) -> bool:
    labels = thing["metadata"].get("labels") or {}
    return matches_labels(query.get("labelSelector", ""), labels) and matches_fields(
        query.get("fieldSelector", ""), thing
    )


def _merge(thing: Json, patch: Json) -> None:
    """Apply a JSON merge patch (RFC 7396)."""
    for key, value in patch.items():
        if value is None:
            thing.pop(key, None)
        elif isinstance(value, dict) and isinstance(thing.get(key), dict):
            _merge(thing[key], value)
        else:
            thing[key] = value


def _place(thing: Json) -> str:
    meta = thing["metadata"]
    return f"/{meta.get('namespace', '')}/{meta['name']}"


def _make_token(version: int, after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"rv": version, "start": after}).encode()).decode()


def _read_token(token: str) -> tuple[int, str]:
    read = json.loads(base64.urlsafe_b64decode(token))
    return read["rv"], read["start"]


def _no_permission(verb: str, target: Target) -> Problem:
    resource = target.resource
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    plural = resource.plural + (f"/{target.subresource}" if target.subresource else "")
    name = f' "{target.name}"' if target.name else ""
    message = (
        f'{resource.qualified}{name} is forbidden: User "standin" cannot {verb} resource "{plural}" '
        f'in API group "{resource.group}" {where}'
    )
    return Problem(403, "Forbidden", message, details={"kind": resource.plural})
