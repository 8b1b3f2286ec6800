# ruff: noqa: ARG002  the arguments are those of the Protocol
"""A cluster in memory, small enough to be seen through: objects, watches, owners, and one rule for what pods do."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jobs.cluster import Arrival, Change, Created, Gap, Line, Listing, Manifest, Permission, R, Version
from jobs.errors import AlreadyThere, JobsError, Missing, Unavailable
from jobs.objects import Claim, ConfigMap, Job, Meta, Namespace, Object, Owner, Pod, Service
from tests.jobs.factories import condition, container

KINDS: dict[str, type[Object]] = {
    "ConfigMap": ConfigMap,
    "Job": Job,
    "Service": Service,
    "PersistentVolumeClaim": Claim,
}


class Stream:
    """What is watched or followed until it is closed."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, item: Any) -> None:
        self._items.put(item)

    def __iter__(self) -> Iterator[Any]:
        while (item := self._items.get()) is not None:
            if isinstance(item, JobsError):
                raise item
            yield item

    def close(self) -> None:
        self._items.put(None)


class Memory:
    """`play` is told of each new pod with its manifest, in a thread of its own, and tells what becomes of it."""

    def __init__(self, *objects: Object, play: "Callable[[Memory, Pod, Manifest], None] | None" = None) -> None:
        self._lock = threading.RLock()
        self._count = 0
        self.objects: dict[tuple[type[Object], str], Object] = {(type(each), each.meta.name): each for each in objects}
        self.objects.setdefault((Namespace, "lab"), Namespace(meta=Meta(name="lab")))
        self.streams: list[tuple[type[Object], Stream]] = []
        self.logs: dict[str, bytes] = {}
        self.follows: dict[str, Stream] = {}
        self.server_time: datetime | None = None
        self.created: list[Manifest] = []
        self.refuse: Callable[[Manifest], JobsError | None] = lambda _manifest: None
        self.play = play or (lambda _memory, _pod, _manifest: None)

    def names(self, kind: type[Object]) -> list[str]:
        with self._lock:
            return [name for each, name in self.objects if each is kind]

    def put(self, record: Object, change: Change) -> None:
        """Store or remove an object, and tell whoever watches."""
        with self._lock:
            key = (type(record), record.meta.name)
            if change is Change.DELETED:
                self.objects.pop(key, None)
            else:
                self.objects[key] = record
            arrival = Arrival(change=change, record=record, arrived_ns=time.monotonic_ns())
            for kind, stream in self.streams:
                if kind is type(record):
                    stream.put(arrival)

    def update(self, pod: Pod, **fields: Any) -> Pod:
        changed = replace(pod, **fields)
        with self._lock:
            if (Pod, pod.meta.name) in self.objects:
                self.put(changed, Change.MODIFIED)
        return changed

    def run(self, pod: Pod, *, ready: bool = True) -> Pod:
        """Bring a pod up."""
        pod = self.update(pod, node="n000", conditions=(condition("PodScheduled"),))
        conditions = (*pod.conditions, condition("PodReadyToStartContainers"), *([condition("Ready")] if ready else []))
        running = container("running", started_at=datetime.now(UTC))
        return self.update(pod, phase="Running", ip="10.0.0.1", conditions=conditions, containers=(running,))

    def end(
        self, pod: Pod, *, log: bytes = b"", exit_code: int = 0, reason: str = "Completed", message: str = ""
    ) -> None:
        self.logs[pod.meta.name] = log
        over = container(
            "terminated", exit_code=exit_code, reason=reason, message=message, started_at=datetime.now(UTC)
        )
        self.update(pod, containers=(over,))

    def version(self) -> Version:
        return Version(git_version="v1.36.2", server_time=self.server_time)

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Created:
        error = self.refuse(manifest)
        if error is not None:
            raise error
        metadata, kind = manifest["metadata"], KINDS[manifest["kind"]]
        with self._lock:
            if (kind, metadata["name"]) in self.objects:
                raise AlreadyThere(f"{metadata['name']} exists")
            self._count += 1
            owners = tuple(
                Owner(kind=each["kind"], name=each["name"], uid=each["uid"])
                for each in metadata.get("ownerReferences", [])
            )
            meta = Meta(
                name=metadata["name"],
                namespace=metadata["namespace"],
                uid=f"uid-{self._count}",
                created_at=datetime.now(UTC),
                labels=dict(metadata["labels"]),
                owners=owners,
            )
            extra: dict[str, Any] = {"cluster_ip": "10.96.0.1"} if kind is Service else {}
            self.created.append(manifest)
            self.put(kind(meta=meta, **extra), Change.ADDED)
            if kind is Job and manifest["spec"].get("completions") != 0:
                self._start(meta, manifest)
        return Created(meta=meta)

    def _start(self, job: Meta, manifest: Manifest) -> None:
        owner = Owner(kind="Job", name=job.name, uid=job.uid)
        meta = replace(job, name=f"{job.name}-x", uid=f"{job.uid}-pod", owners=(owner,))
        pod = Pod(meta=meta)
        self.put(pod, Change.ADDED)
        threading.Thread(target=self.play, args=(self, pod, manifest), daemon=True).start()

    def read(self, kind: type[R], name: str, *, namespace: str | None = None) -> R:
        with self._lock:
            found = self.objects.get((kind, name))
        if not isinstance(found, kind):
            raise Missing(f"no {kind.__name__} {name}")
        return found

    def delete(
        self, kind: type[Object], name: str, *, namespace: str | None = None, grace_seconds: int | None = None
    ) -> None:
        with self._lock:
            record = self.read(kind, name)
            self.put(record, Change.DELETED)
            for each in list(self.objects.values()):
                if any(owner.uid == record.meta.uid for owner in each.meta.owners):
                    self.delete(type(each), each.meta.name)

    def list_all(
        self, kind: type[R], *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> Listing[R]:
        key, _, value = labels.partition("=")
        with self._lock:
            items = tuple(
                each
                for each in self.objects.values()
                if isinstance(each, kind)
                and namespace in {None, each.meta.namespace}
                and (not labels or each.meta.labels.get(key) == value)
            )
        return Listing(items=items, resource_version="1")

    def watch(self, kind: type[R], *, since: str, namespace: str | None = None, labels: str = "") -> Stream:
        stream = Stream()
        with self._lock:
            self.streams.append((kind, stream))
        return stream

    def read_log(self, pod: str, *, namespace: str, container: str, limit_bytes: int, tail_lines: int) -> bytes:
        if pod not in self.logs:
            raise Unavailable("the node does not answer")
        return self.logs[pod]

    def follow_log(self, pod: str, *, namespace: str, container: str) -> Stream:
        return self.follows.setdefault(pod, Stream())

    def say(self, pod: Pod, text: str) -> None:
        line = Line(text=text.encode(), arrived_ns=time.monotonic_ns())
        self.follow_log(pod.meta.name, namespace="lab", container="probe").put(line)

    def may(self, verb: str, kind: type[Object], *, namespace: str | None = None, subresource: str = "") -> Permission:
        return Permission(allowed=True)

    def break_off(self, kind: type[Object], item: Gap | JobsError) -> None:
        """Have the watches of a kind tell of a gap, or fail for good."""
        for each, stream in self.streams:
            if each is kind:
                stream.put(item)


def labelled(memory: Memory, kinds: Sequence[type[Object]] = (ConfigMap, Job, Service, Claim, Pod)) -> list[str]:
    """What is left of any run."""
    return [name for kind in kinds for name in memory.names(kind) if name.startswith("probe-")]
