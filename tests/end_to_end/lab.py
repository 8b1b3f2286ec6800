"""What end-to-end tests share: a launcher with the real client in this process, and what a run must not leave."""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psutil

from agent.kube.cluster import connect
from jobs import launch
from jobs.guard import Limits
from jobs.launch import Outcome
from jobs.plan import Request, plan
from jobs.site import Site
from jobs.survey import planned_seconds, survey
from jobs.topology import Wanted
from probes.measure.result import ProbeResult
from tests.standin.lab import SPACE, wait_until
from tests.standin.resources import EVENTS, PODS, Json
from tests.standin.standin import StandIn

_ENDING_SECONDS = 5.0
ON_ONE_NODE = Wanted(labels={"kubernetes.io/hostname": "node1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run that is over."""

    outcome: Outcome
    objects: list[str]
    """What was still there a while afterwards, in the API."""
    processes: list[str]
    """And on the nodes."""

    def result(self, probe: str) -> ProbeResult:
        return next(each for each in self.outcome.results if each.probe == probe)

    def doubts(self, probe: str) -> str:
        return "\n".join(flag.reason for flag in self.result(probe).flags)


def run(
    cluster: StandIn,
    *probes: str,
    run_id: str = "",
    start_seconds: float = 60.0,
    meanwhile: Callable[[str], object] = lambda _: None,
    **fields: Any,
) -> Ran:
    """Carry probes out as the command does; `meanwhile` is told the run's id when its first step begins."""
    kube = connect(kubeconfig=str(cluster.kubeconfig))
    run_id, limits = run_id or new_id(), Limits()
    request = Request(run_id=run_id, namespace=SPACE, image="probe:1", probes=probes, **fields)
    seen = survey(kube, SPACE, now=datetime.now(UTC))
    made = plan(request, nodes=seen.nodes, classes=seen.classes, seconds=planned_seconds(request))
    expires = int(time.time()) + launch.expires_after(limits)
    site = Site(run_id=run_id, namespace=SPACE, image="probe:1", expires_unix_seconds=expires)
    begun: list[object] = []

    def progress(step: object, /, *, ended: bool) -> None:
        if not begun:
            begun.append(step)
            meanwhile(run_id)

    outcome = launch.run(kube, made, site, limits, on_progress=progress, start_seconds=start_seconds)
    return Ran(outcome=outcome, objects=left_of(cluster, run_id), processes=processes_of(run_id))


def new_id() -> str:
    return uuid.uuid4().hex[:10]


def mentioning(cluster: StandIn, word: str) -> list[str]:
    """All objects in which `word` occurs. Events, which stay for an hour, belong to the cluster."""
    return [
        f"{resource.kind} {thing['metadata']['name']}"
        for resource, thing in cluster.store.everything()
        if resource is not EVENTS and word in json.dumps(thing)
    ]


def left_of(cluster: StandIn, word: str) -> list[str]:
    """What is there of a run once the cluster has had its time to collect what belonged to it."""
    try:
        wait_until(cluster, lambda: not mentioning(cluster, word))
    except AssertionError:
        return mentioning(cluster, word)
    return []


def processes_of(word: str) -> list[str]:
    """The processes of pods in whose name `word` occurs: their containers' and those that wait for them."""
    # The kernel takes a moment to end all of a container's processes once the first of them has ended.
    give_up = time.monotonic() + _ENDING_SECONDS
    while (found := _processes_of(word)) and time.monotonic() < give_up:
        time.sleep(0.05)
    return found


def _processes_of(word: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        # It may end at any time, and the machine's own are not for everybody to look at.
        with suppress(psutil.Error):
            command = process.cmdline()
            waits = any("container_init.py" in part for part in command) and word in command[-1]
            if waits or word in process.environ().get("HOSTNAME", ""):
                found.append(" ".join(command)[:200])
    return found


def pod_in_phase(cluster: StandIn, word: str, phase: str) -> Json:
    """Wait until a pod in whose name `word` occurs is in a phase."""

    def found() -> Json | None:
        pods = (pod for pod in cluster.store.all(PODS, SPACE) if word in pod["metadata"]["name"])
        return next((pod for pod in pods if pod["status"]["phase"] == phase), None)

    pod: Json = wait_until(cluster, found)
    return pod
