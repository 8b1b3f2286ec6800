"""What a kubelet does with one pod, in a thread of its own, from the pod's arrival on the node to its end.

The order of the writes is that of the recording. Beside what is told through the API, the true moments are kept.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection

from tests.standin import status
from tests.standin.container import Container, Surroundings
from tests.standin.events import tell
from tests.standin.faults import Faults, PodFault
from tests.standin.pace import Pace
from tests.standin.resources import PODS, Json
from tests.standin.store import Store, now_text

_PATIENCE_SECONDS = 0.05
_FAULTS_SECONDS = 0.2
"""How often a running pod looks whether a fault befalls it; of its deletion it is told."""
_EVICTION = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. "
_NOT_FOUND = "rpc error: code = NotFound desc = failed to pull and unpack image: not found"


@dataclass(slots=True, kw_only=True)
class Moments:
    """When things truly happened to a pod: `time.monotonic_ns`, 0 while they have not."""

    sandbox_ns: int = 0
    pulled_ns: int = 0
    started_ns: int = 0
    ready_ns: int = 0
    ended_ns: int = 0


@dataclass(slots=True, kw_only=True)
class Host:
    """What a worker needs of its node."""

    name: str
    store: Store
    faults: Faults
    pace: Pace
    directory: Path
    name_server: str
    images: set[str] = field(default_factory=set)
    lost: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    volume_of: Callable[[Json], Path] = lambda _: Path()
    """Returns the directory of a claim, by the pod's volume."""


class PodWorker:
    """Runs one pod. `moments` is the truth about it."""

    def __init__(self, host: Host, pod: Json, ip: str) -> None:
        self._host = host
        self._pod = pod
        self._ip = ip
        self._containers: dict[str, Container] = {}
        self.moments = Moments()
        self._lock = threading.Lock()
        self._poked_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"pod {pod['metadata']['name']}")

    def start(self) -> None:
        self._thread.start()

    def poke(self) -> None:
        """Let it look at its pod at once."""
        with self._lock:
            if self._poked_fd >= 0:
                os.eventfd_write(self._poked_fd, 1)

    def join(self) -> None:
        self._thread.join()

    def log(self, container: str) -> tuple[bytes, bool]:
        """Return what the container has written so far, and whether that is all there will be."""
        found = self._containers.get(container)
        if found is None:
            return b"", not self._thread.is_alive()
        ended = found.ended_ns > 0 or not self._thread.is_alive()
        return found.log_path.read_bytes(), ended

    @property
    def has_started(self) -> bool:
        return bool(self._containers)

    # The pod's life

    def _run(self) -> None:
        try:
            if self._prepare():
                self._start_containers()
                self._watch_over()
        finally:
            for container in self._containers.values():
                container.signal(signal.SIGKILL)
                container.wait(10)
                container.close()
            with self._lock:
                os.close(self._poked_fd)
                self._poked_fd = -1
            if not self._host.lost.is_set():
                self._let_go()

    def _prepare(self) -> bool:
        """Set up sandbox and image; False where the pod is to end before its containers start."""
        self._write(self._begin)
        if not self._pause(self._host.pace.sandbox):
            return False
        self.moments.sandbox_ns = time.monotonic_ns()
        self._write(lambda pod: status.set_condition(pod, "PodReadyToStartContainers", met=True))
        return all(self._pull(container) for container in self._pod["spec"]["containers"])

    def _begin(self, pod: Json) -> None:
        status.set_condition(pod, "PodReadyToStartContainers", met=False)
        status.set_condition(pod, "Initialized", met=True)
        status.set_ready(pod, ready=False)
        pod["status"] |= {"hostIP": "127.0.0.1", "startTime": now_text()}
        status.set_containers(pod, self._all({"waiting": {"reason": "ContainerCreating"}}))

    def _pull(self, container: Json) -> bool:
        image = container["image"]
        if self._host.faults.befalls(PodFault.NO_IMAGE, self._pod):
            return self._fail_to_pull(image)
        if image in self._host.images and container["imagePullPolicy"] != "Always":
            note = f'Container image "{image}" already present on machine and can be accessed by the pod'
        else:
            began = time.monotonic()
            self._tell("Pulling", f'Pulling image "{image}"')
            if not self._pause(self._host.pace.pull):
                return False
            self._host.images.add(image)
            took = f"{time.monotonic() - began:.3f}s"
            waited = f"{took} ({took} including waiting)"
            note = f'Successfully pulled image "{image}" in {waited}. Image size: 70000000 bytes.'
        self.moments.pulled_ns = time.monotonic_ns()
        self._tell("Pulled", note)
        return True

    def _fail_to_pull(self, image: str) -> bool:
        back_off = f'Back-off pulling image "{image}"'
        for reason, message in (("ErrImagePull", _NOT_FOUND), ("ImagePullBackOff", f"{back_off}: {_NOT_FOUND}")):
            self._tell("Failed", f"Error: {reason}", warning=True)
            state = {"waiting": {"reason": reason, "message": message}}
            self._write(lambda pod, state=state: status.set_containers(pod, self._all(state)))
            if not self._pause(self._host.pace.pull):
                return False
        while self._pause(_PATIENCE_SECONDS):
            pass
        return False

    def _start_containers(self) -> None:
        surroundings = Surroundings(
            pod=self._pod,
            ip=self._ip,
            name_server=self._host.name_server,
            directory=self._host.directory,
            volumes={each["name"]: self._volume(each) for each in self._pod["spec"].get("volumes") or ()},
        )
        # To start a process holds the interpreter: the news so far are to be on their way by then.
        self._host.stopping.wait(self._host.pace.creation)
        for container in self._pod["spec"]["containers"]:
            self._containers[container["name"]] = Container(container, surroundings)
            self._tell("Created", "Container created")
            self._tell("Started", "Container started")
        self.moments.started_ns = max(each.started_ns for each in self._containers.values())
        self._pause(self._host.pace.status_lag)
        started = now_text()
        probed = any("readinessProbe" in container for container in self._pod["spec"]["containers"])
        if not probed:
            self.moments.ready_ns = time.monotonic_ns()

        def running(pod: Json) -> None:
            pod["status"] |= {"phase": "Running", "podIP": self._ip, "podIPs": [{"ip": self._ip}]}
            status.set_containers(pod, self._all({"running": {"startedAt": started}}), ready=not probed)
            status.set_ready(pod, ready=not probed)

        self._write(running)

    def _volume(self, volume: Json) -> Path:
        if "persistentVolumeClaim" in volume:
            return self._host.volume_of(
                {"namespace": self._pod["metadata"]["namespace"], **volume["persistentVolumeClaim"]}
            )
        own = self._host.directory / "volumes" / volume["name"]
        own.mkdir(parents=True)
        return own

    def _watch_over(self) -> None:
        """Return when all containers have ended, or the pod is to go."""
        faults, next_probe = self._host.faults, 0.0
        codes: dict[str, int] = {}
        while len(codes) < len(self._containers):
            if self._must_go() or self._host.stopping.is_set():
                return
            running = {name: container for name, container in self._containers.items() if name not in codes}
            self._doze([*running.values()], _FAULTS_SECONDS if self.moments.ready_ns else next_probe - time.monotonic())
            codes |= {name: code for name, each in running.items() if (code := each.wait(0)) is not None}
            if faults.befalls(PodFault.OUT_OF_MEMORY, self._pod):
                self._kill()
                self._finish(dict.fromkeys(self._containers, 137), reason="OOMKilled")
                return
            if faults.befalls(PodFault.EVICTED, self._pod):
                self._kill()
                self._finish(dict.fromkeys(self._containers, 137), of_pod={"reason": "Evicted", "message": _EVICTION})
                return
            if not self.moments.ready_ns and time.monotonic() >= next_probe:
                next_probe = time.monotonic() + self._host.pace.readiness_period
                self._probe_readiness()
        self._finish(codes)

    def _doze(self, running: list[Container], seconds: float) -> None:
        """Wait until a container ends, somebody pokes, or the time is over."""
        ends = select.poll()
        for each in (self._poked_fd, *running):
            ends.register(each, select.POLLIN)
        ends.poll(max(0.0, seconds) * 1000)
        with suppress(BlockingIOError):
            os.eventfd_read(self._poked_fd)

    def _probe_readiness(self) -> None:
        for container in self._pod["spec"]["containers"]:
            port = (container.get("readinessProbe") or {}).get("tcpSocket", {}).get("port")
            try:
                if port is not None:
                    create_connection((self._ip, port), timeout=1).close()
            except OSError:
                return
        self.moments.ready_ns = time.monotonic_ns()

        def ready(pod: Json) -> None:
            for each in pod["status"]["containerStatuses"]:
                each["ready"] = True
            status.set_ready(pod, ready=True)

        self._write(ready)

    def _finish(self, codes: dict[str, int], *, reason: str = "", of_pod: Json | None = None) -> None:
        """Tell how the containers ended, and a little later that the pod has."""
        self.moments.ended_ns = time.monotonic_ns()
        failed = any(codes.values())
        why = "PodFailed" if failed else "PodCompleted"
        states = {
            name: {
                "terminated": {
                    "exitCode": code,
                    "reason": reason or ("Error" if code else "Completed"),
                    **({"message": message} if (message := self._containers[name].message) else {}),
                    "startedAt": now_text(),
                    "finishedAt": now_text(),
                }
            }
            for name, code in codes.items()
        }

        def ended(pod: Json) -> None:
            status.set_containers(pod, states)
            status.set_ready(pod, ready=False, reason=why)

        def over(pod: Json) -> None:
            pod["status"] |= {"phase": "Failed" if failed else "Succeeded", **(of_pod or {})}
            status.set_condition(pod, "PodReadyToStartContainers", met=False)

        self._write(ended)
        self._pause(self._host.pace.finish_lag)
        self._write(over)

    def _let_go(self) -> None:
        """End what is being deleted, and remove it: with no grace left, only finalizers hold it."""
        pod = self._stored()
        if pod is None or "deletionTimestamp" not in pod["metadata"]:
            return
        if not status.has_ended(pod):
            self._write(lambda after: after["status"].__setitem__("phase", "Failed"))
        self._write(lambda after: after["metadata"].__setitem__("deletionGracePeriodSeconds", 0))

    # Its means

    def _must_go(self) -> bool:
        """Whether the pod is being deleted, or gone already; its containers have ended then, by grace or by force."""
        if self._host.lost.is_set():
            return False
        pod = self._stored()
        if pod is None:
            return True
        if "deletionTimestamp" not in pod["metadata"]:
            return False
        grace = pod["metadata"].get("deletionGracePeriodSeconds", 30)
        for container in self._containers.values():
            container.signal(signal.SIGTERM)
        ends_at = time.monotonic() + grace
        codes: dict[str, int | None] = dict.fromkeys(self._containers)
        while None in codes.values() and time.monotonic() < ends_at and not self._host.stopping.is_set():
            codes = {name: container.wait(_PATIENCE_SECONDS) for name, container in self._containers.items()}
        self._kill()
        if self._containers:
            self._finish({name: 137 if code is None else code for name, code in codes.items()})
        return True

    def _kill(self) -> None:
        for container in self._containers.values():
            container.signal(signal.SIGKILL)
            container.wait(10)

    def _pause(self, seconds: float) -> bool:
        """Wait; False where the pod is to go or the node to stop."""
        if self._host.stopping.wait(seconds):
            return False
        pod = self._stored()
        return self._host.lost.is_set() or (pod is not None and "deletionTimestamp" not in pod["metadata"])

    def _stored(self) -> Json | None:
        meta = self._pod["metadata"]
        found = self._host.store.find(PODS, meta["name"], meta["namespace"])
        return found if found is not None and found["metadata"]["uid"] == meta["uid"] else None

    def _write(self, change: Callable[[Json], object]) -> None:
        if self._host.lost.is_set() or self._stored() is None:
            return
        meta = self._pod["metadata"]
        self._host.store.update(PODS, meta["name"], meta["namespace"], change)

    def _tell(self, reason: str, note: str, *, warning: bool = False) -> None:
        if not self._host.lost.is_set():
            tell(self._host.store, self._pod, reason, note, component="kubelet", warning=warning)

    def _all(self, state: Json) -> dict[str, Json]:
        return {container["name"]: state for container in self._pod["spec"]["containers"]}
