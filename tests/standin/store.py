"""The stand-in's etcd: objects, a version for every write, and a bounded history that watches are served from.

Objects are never changed in place: a write stores a new dict. Every write is stamped with the monotonic clock at the
moment it became visible, which is the truth that timestamps derived from watches are judged by.
"""

import itertools
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from tests.standin.problem import already_exists, conflict, expired, not_found
from tests.standin.resources import PODS, STORED, Json, Resource

Key = tuple[str, str]
"""Namespace (empty where there is none) and name."""


def now_text() -> str:
    """The time with the API's resolution of one second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One change, as watches tell of it."""

    version: int
    type: str
    thing: Json
    before: Json | None
    stored_ns: int
    line: bytes


class Store:
    """Thread-safe; `changed` is notified after each write."""

    def __init__(self, *, history: int = 20_000) -> None:
        lock = threading.RLock()
        self.changed = threading.Condition(lock)
        # Of each kind on its own: a write would wake up the watches of all kinds, which then queue for the lock.
        self._written = {resource: threading.Condition(lock) for resource in STORED}
        self._last: dict[Resource, int] = dict.fromkeys(STORED, 0)
        self.version = 1000
        self.stored_ns: dict[int, int] = {}
        """When each version became visible."""
        self._things: dict[Resource, dict[Key, Json]] = {resource: {} for resource in STORED}
        self._history: dict[Resource, deque[Write]] = {resource: deque(maxlen=history) for resource in STORED}
        self._forgotten: dict[Resource, int] = dict.fromkeys(STORED, 0)

    # Reading

    def get(self, resource: Resource, name: str, namespace: str = "") -> Json:
        with self.changed:
            thing = self.find(resource, name, namespace)
        if thing is None:
            raise not_found(resource, name)
        return thing

    def find(self, resource: Resource, name: str, namespace: str = "") -> Json | None:
        return self._things[resource].get((namespace if resource.namespaced else "", name))

    def all(self, resource: Resource, namespace: str | None = None) -> list[Json]:
        """All objects in the order of their keys, as the API lists them."""
        with self.changed:
            things = self._things[resource]
            return [things[key] for key in sorted(things) if namespace is None or key[0] == namespace]

    def everything(self) -> Iterator[tuple[Resource, Json]]:
        with self.changed:
            return iter([(resource, thing) for resource, things in self._things.items() for thing in things.values()])

    def wait_for_change(self, seen: int, timeout_seconds: float) -> int:
        """Return the current version as soon as it isn't `seen`, or after the time."""
        with self.changed:
            self.changed.wait_for(lambda: self.version != seen, timeout_seconds)
            return self.version

    def wait_for_write(self, resource: Resource, version: int, timeout_seconds: float) -> bool:
        """Return as soon as anything of this kind is written after `version`, or after the time; tell which."""
        written = self._written[resource]
        with written:
            return written.wait_for(lambda: self._last[resource] > version, timeout_seconds)

    def writes_since(self, resource: Resource, version: int) -> list[Write]:
        """Return what happened after `version`. Raises 410 where that is forgotten."""
        with self.changed:
            if version < self._forgotten[resource]:
                raise expired(version, self.version)
            history = self._history[resource]
            recent = itertools.takewhile(lambda write: write.version > version, reversed(history))
            return list(recent)[::-1]

    @property
    def oldest_version(self) -> int:
        """What came before this is forgotten, for some kind of object at least."""
        return max(self._forgotten.values())

    def forget(self) -> None:
        """Lose all history, as etcd does in compaction: whoever asks for it gets 410."""
        with self.changed:
            for resource, history in self._history.items():
                history.clear()
                self._forgotten[resource] = self.version
            self.changed.notify_all()

    # Writing

    def create(self, resource: Resource, thing: Json) -> Json:
        with self.changed:
            stored = self.prepared(resource, thing)
            self._write(resource, "ADDED", stored, None)
            return stored

    def prepared(self, resource: Resource, thing: Json) -> Json:
        """Return `thing` with what the server adds, not stored yet. Raises 409 where the name is taken."""
        stored = {"kind": resource.kind, "apiVersion": resource.api_version} | _copied(thing)
        meta = stored.setdefault("metadata", {})
        if not meta.get("name"):
            meta["name"] = meta["generateName"] + random_suffix()
        if not resource.namespaced:
            meta.pop("namespace", None)
        meta |= {"uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": now_text()}
        if self.find(resource, meta["name"], meta.get("namespace", "")) is not None:
            raise already_exists(resource, meta["name"])
        return stored

    def update(self, resource: Resource, name: str, namespace: str, change: Callable[[Json], object]) -> Json | None:
        """Let `change` alter a copy and store it; nothing is written where nothing changed. None where it is not there.

        What has a deletion timestamp and no finalizers afterwards is removed, as in the API.
        """
        with self.changed:
            before = self.find(resource, name, namespace)
            if before is None:
                return None
            after = _copied(before)
            change(after)
            if after == before:
                return before
            if _may_go(resource, after):
                self._remove(resource, after)
            else:
                self._write(resource, "MODIFIED", after, before)
            return after

    def replace(self, resource: Resource, thing: Json) -> Json:
        """Store `thing` in place of the one of its name. Raises 404; 409 where it has another version than stored."""
        meta = thing["metadata"]
        with self.changed:
            current = self.get(resource, meta["name"], meta.get("namespace", ""))
            if meta.get("resourceVersion") not in (None, current["metadata"]["resourceVersion"]):
                raise conflict(resource, meta["name"])
            kept = {key: current["metadata"][key] for key in ("uid", "creationTimestamp", "resourceVersion")}

            def change(after: Json) -> None:
                after.clear()
                after |= _copied(thing) | {"kind": resource.kind, "apiVersion": resource.api_version}
                after["metadata"] |= kept

            stored = self.update(resource, meta["name"], meta.get("namespace", ""), change)
            assert stored is not None
            return stored

    def delete(self, resource: Resource, name: str, namespace: str, *, grace_seconds: int | None = None) -> Json:
        """Remove, or mark as being deleted where finalizers or a running pod's grace period hold it. Raises 404."""
        with self.changed:
            thing = self.get(resource, name, namespace)
            grace = _grace_seconds(resource, thing, grace_seconds)

            def mark(after: Json) -> None:
                meta = after["metadata"]
                if grace is not None:
                    meta["deletionGracePeriodSeconds"] = min(grace, meta.get("deletionGracePeriodSeconds", grace))
                meta.setdefault("deletionTimestamp", now_text())

            return self.update(resource, name, namespace, mark) or thing

    def _remove(self, resource: Resource, thing: Json) -> None:
        meta = thing["metadata"]
        del self._things[resource][(meta.get("namespace", ""), meta["name"])]
        self._record(resource, "DELETED", thing, None)

    def _write(self, resource: Resource, kind: str, thing: Json, before: Json | None) -> None:
        meta = thing["metadata"]
        self._record(resource, kind, thing, before)
        self._things[resource][(meta.get("namespace", ""), meta["name"])] = thing

    def _record(self, resource: Resource, kind: str, thing: Json, before: Json | None) -> None:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        line = msgspec.json.encode({"type": kind, "object": thing}) + b"\n"
        history = self._history[resource]
        if history.maxlen == len(history):
            self._forgotten[resource] = history[0].version
        stored_ns = time.monotonic_ns()
        self.stored_ns[self.version] = stored_ns
        history.append(
            Write(version=self.version, type=kind, thing=thing, before=before, stored_ns=stored_ns, line=line)
        )
        self._last[resource] = self.version
        self._written[resource].notify_all()
        self.changed.notify_all()


def _copied(thing: Json) -> Json:
    """A tenth of the time of `copy.deepcopy`, for what is JSON anyway."""
    copy: Json = msgspec.json.decode(msgspec.json.encode(thing))
    return copy


def random_suffix(length: int = 5) -> str:
    # Without vowels and what looks alike, as Kubernetes does it.
    return "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=length))


def _grace_seconds(resource: Resource, thing: Json, wish: int | None) -> int | None:
    """How long a pod may take to end; one that never ran or has ended needs no time."""
    if resource != PODS:
        return None
    ended = thing.get("status", {}).get("phase") in ("Succeeded", "Failed")
    if not thing["spec"].get("nodeName") or ended:
        return 0
    return wish if wish is not None else thing["spec"].get("terminationGracePeriodSeconds", 30)


def _may_go(resource: Resource, thing: Json) -> bool:
    meta = thing["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    if resource.kind == "Namespace":
        return not thing["spec"].get("finalizers")
    return meta.get("deletionGracePeriodSeconds", 0) == 0
