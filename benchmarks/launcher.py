"""What the launcher of Jobs costs, and how well it tells time, against a cluster whose truth is known.

    sudo .venv/bin/python benchmarks/launcher.py [--runs N] [--pods N]

The cluster is the tests' stand-in, in this process: real HTTPS, real processes. The launcher is a process of its own,
so that its memory is its own and neither holds the other's interpreter; both share the machine's monotonic clock. In a
cluster the pods are on other machines than the launcher and the API server: here these two have priority over them.

A run is overhead while no pod is coming up and nothing measures. A server that is ready counts for neither, nor does a
pod that is ending: both are there for as long as the launcher lets them. Takes two to three and a half minutes a run;
exits with 1 where a goal is not reached, or a run did not go as planned.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from agent.kube.cluster import connect
from jobs import launch
from jobs.cluster import Arrival
from jobs.guard import Limits
from jobs.objects import Node, Pod, StorageClass
from jobs.plan import Request, plan
from jobs.site import SERVER, STEP, Site
from jobs.step import Observe, Step
from jobs.timeline import Milestone, Startup, follow
from probes.probe import Profile
from probes.process import die_with_parent
from probes.runner import prepare
from tests.standin.pace import Pace
from tests.standin.resources import JOBS, PODS, Json
from tests.standin.standin import StandIn, pods_reason

SPACE = "probe-lab"
OVERHEAD_GOAL = 0.10
MEMORY_GOAL_BYTES = 128 * 2**20
TIMESTAMP_GOAL_MS = 10.0
# What Kubernetes' own density test creates (docs/cluster.md has the source), and as fast as the API takes it.
ORDINARY_PER_SECOND, EXTREME_PER_SECOND = 20.0, 1000.0
# Without storage, whose minutes would make any overhead look small.
PROBES = ("utilization", "dns", "latency", "throughput", "startup")
SLEEPERS = "pod-startup"
# A kubelet tells in its own time what has happened; here at once, so that what is late is late on its way.
PACE = Pace(status_lag=0.0)
_PRIORITY = -10
Spans = list[tuple[int, int]]


@dataclass(slots=True, kw_only=True)
class Launch:
    """What a launcher told of itself."""

    begin_ns: int = 0
    end_ns: int = 0
    peak_bytes: int = 0
    startups: dict[str, Startup] = field(default_factory=dict)
    """Of all pods by uid, as its watch told."""
    observing: Spans = field(default_factory=list)
    """When it measured without a pod."""
    problems: list[str] = field(default_factory=list)


class Listening:
    """The cluster as the launcher has it; what its watch tells of pods is kept."""

    def __init__(self, kube: Any, startups: dict[str, Startup]) -> None:
        self._kube = kube
        self._startups = startups

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    def watch(self, kind: Any, **selection: Any) -> Any:
        """Watch as the cluster does, and overhear what is told of pods."""
        watch = self._kube.watch(kind, **selection)
        return Overheard(watch, self._startups) if kind is Pod else watch


class Overheard:
    """A watch of pods from which startups are taken as the launcher takes them."""

    def __init__(self, watch: Any, startups: dict[str, Startup]) -> None:
        self._watch = watch
        self._startups = startups
        self.close = watch.close

    def __iter__(self) -> Iterator[Any]:
        for each in self._watch:
            if isinstance(each, Arrival):
                uid = each.record.meta.uid
                self._startups[uid] = follow(self._startups.get(uid), each, late=False)
            yield each


def carry_out(sender: Any, kubeconfig: str, probes: Sequence[str], pods: int | None, per_second: float) -> None:
    """Plan and launch as `probe run --target cluster` does; send what it cost. Runs in the launcher's process."""
    die_with_parent(os.getppid())
    told, begun = Launch(), {}
    kube = Listening(connect(kubeconfig=kubeconfig), told.startups)

    def on_progress(step: Step, /, *, ended: bool) -> None:
        if not ended:
            begun[step.name] = time.monotonic_ns()
        elif isinstance(step, Observe):
            told.observing.append((begun[step.name], time.monotonic_ns()))

    told.begin_ns = time.monotonic_ns()
    request = Request(
        run_id=f"b{told.begin_ns % 10**9}",
        namespace=SPACE,
        image="probe:1",
        probes=tuple(probes),
        profile=Profile.QUICK,
        startup_pods=pods,
        startup_rate_per_second=per_second,
    )
    seconds = {name: prepare(name, Profile.QUICK, {}).plan.seconds for name in probes if name != "startup"}
    nodes, classes = kube.list_all(Node).items, kube.list_all(StorageClass).items
    planned = plan(request, nodes=nodes, classes=classes, seconds=seconds)
    site = Site(run_id=request.run_id, namespace=SPACE, image="probe:1", expires_unix_seconds=int(time.time()) + 3600)
    limits = Limits(concurrent_jobs=max(32, pods or 0))
    outcome = launch.run(kube, planned, site, limits, on_progress=on_progress)
    told.end_ns = time.monotonic_ns()
    told.peak_bytes = peak_bytes()
    told.problems = [f"{each.probe}: {each.reason}" for each in outcome.results if each.reason]
    told.problems += [str(each) for each in (outcome.problem, *outcome.leftovers, *outcome.unwatched) if each]
    sender.send(told)


def peak_bytes() -> int:
    """Return the most memory that this process has had; getrusage(2) would tell of its parent before execve, too."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def launched(cluster: StandIn, probes: Sequence[str], *, pods: int | None = None, per_second: float = 5.0) -> Launch:
    """Launch in a fresh process, as a command would be."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=carry_out, args=(sender, str(cluster.kubeconfig), probes, pods, per_second))
    child.start()
    sender.close()
    try:
        told: Launch = receiver.recv()
    finally:
        child.join()
    if told.problems:
        sys.exit("launcher: a run did not go as planned, so that its figures mean nothing: " + "; ".join(told.problems))
    return told


def overhead(cluster: StandIn, told: Launch, since_version: int) -> float:
    """Return the share of a run in which no pod was coming up and nothing measured."""
    covered, reached_ns = 0, told.begin_ns
    for start_ns, end_ns in sorted([*told.observing, *useful(cluster, since_version)]):
        covered += max(0, min(end_ns, told.end_ns) - max(start_ns, reached_ns))
        reached_ns = max(reached_ns, end_ns)
    return 1 - covered / (told.end_ns - told.begin_ns)


def useful(cluster: StandIn, since_version: int) -> Spans:
    """Return when pods came up and measured: from a Job's creation until its pod is ready, or has measured."""
    jobs = {each["metadata"]["uid"]: each for each in added(cluster, JOBS, since_version)}
    begun = {uid: cluster.store.stored_ns[version_of(job)] for uid, job in jobs.items()}
    spans: Spans = []
    waves: dict[str, tuple[int, int]] = {}
    for pod in added(cluster, PODS, since_version):
        labels, uid = pod["metadata"]["labels"], pod["metadata"]["ownerReferences"][0]["uid"]
        moments = cluster.moments(pod["metadata"]["uid"])
        if labels[STEP] == SLEEPERS:
            # Their rate is a part of what is measured: a wave lasts from its first until its last.
            wave = jobs[uid]["metadata"]["name"].rsplit("-", 1)[0]
            first_ns, last_ns = waves.get(wave, (begun[uid], 0))
            waves[wave] = min(first_ns, begun[uid]), max(last_ns, moments.ready_ns)
        else:
            spans.append((begun[uid], moments.ready_ns if SERVER in labels else moments.ended_ns))
    return [*spans, *waves.values()]


def added(cluster: StandIn, resource: Any, since_version: int) -> list[Json]:
    """Return all objects of a kind as they were when they were created."""
    return [write.thing for write in cluster.store.writes_since(resource, since_version) if write.type == "ADDED"]


def version_of(thing: Json) -> int:
    return int(thing["metadata"]["resourceVersion"])


def lateness_ms(cluster: StandIn, told: Launch, since_version: int) -> list[float]:
    """Return by how much each milestone of each pod was seen after it was reached."""
    true = {}
    for write in reversed(cluster.store.writes_since(PODS, since_version)):
        uid = write.thing["metadata"]["uid"]
        true[uid, Milestone.CREATED] = write.stored_ns
        if write.thing["spec"].get("nodeName"):
            true[uid, Milestone.SCHEDULED] = write.stored_ns
    for uid in told.startups:
        moments = cluster.moments(uid)
        true[uid, Milestone.SANDBOX] = moments.sandbox_ns
        true[uid, Milestone.STARTED], true[uid, Milestone.READY] = moments.started_ns, moments.ready_ns
    return [
        (moment.at_ns - true[uid, milestone]) / 1e6
        for uid, startup in told.startups.items()
        for milestone, moment in startup.seen.items()
    ]


def most_at_once(cluster: StandIn, told: Launch) -> int:
    """Return how many pods were running at the same time."""
    moments = [cluster.moments(uid) for uid in told.startups]
    changes = sorted([(each.started_ns, 1) for each in moments] + [(each.ended_ns, -1) for each in moments])
    return int(max(np.cumsum([change for _, change in changes])))


@dataclass(slots=True)
class Seen:
    """What all runs brought."""

    shares: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)
    late: dict[str, list[list[float]]] = field(default_factory=dict)


def run_once(seen: Seen, pods: int) -> None:
    """Launch everything once, and pods alone at both rates, each in a cluster of its own."""
    with StandIn(pace=PACE) as cluster:
        since = cluster.store.version
        told = launched(cluster, PROBES)
        seen.shares.append(overhead(cluster, told, since))
        seen.seconds.append((told.end_ns - told.begin_ns) / 1e9)
        seen.late.setdefault("pods of all probes, beside what these do to the machine", []).append(
            lateness_ms(cluster, told, since)
        )
    for rate in (ORDINARY_PER_SECOND, EXTREME_PER_SECOND):
        with StandIn(pace=PACE) as cluster:
            since = cluster.store.version
            told = launched(cluster, ("startup",), pods=pods, per_second=rate)
            seen.late.setdefault(f"{pods} pods, {rate:.0f} a second", []).append(lateness_ms(cluster, told, since))
            seen.peaks.append(told.peak_bytes)
            seen.at_once.append(most_at_once(cluster, told))


def show(seen: Seen, pods: int) -> bool:
    """Print the table; return whether all goals are reached."""
    share, peak = statistics.median(seen.shares), max(seen.peaks)
    ordinary = f"{pods} pods, {ORDINARY_PER_SECOND:.0f} a second"
    p99_ms = float(np.percentile(np.concatenate(seen.late[ordinary]), 99))
    reached = {
        "share": share <= OVERHEAD_GOAL,
        "peak": peak <= MEMORY_GOAL_BYTES,
        ordinary: p99_ms <= TIMESTAMP_GOAL_MS,
    }
    print("| what | seen | goal | reached |\n|---|---|---|---|")
    each = ", ".join(f"{value:.1%}" for value in seen.shares)
    length = statistics.median(seen.seconds)
    print(f"| overhead: share of a quick run without storage ({length:.0f} s) in which no pod comes up and nothing "
          f"measures | median {share:.1%} ({each}) | ≤ {OVERHEAD_GOAL:.0%} | {said(reached['share'])} |")  # fmt: skip
    print(f"| peak memory of the launcher, {min(seen.at_once)} pods running at once, largest of {len(seen.peaks)} | "
          f"{peak / 2**20:.0f} MiB | ≤ {MEMORY_GOAL_BYTES >> 20} MiB | {said(reached['peak'])} |")  # fmt: skip
    for what, runs in seen.late.items():
        every = np.concatenate(runs)
        p50, p99, most = (float(np.percentile(every, q)) for q in (50, 99, 100))
        of_runs = ", ".join(f"{np.percentile(run, 99):.1f}" for run in runs)
        goal = (f"p99 ≤ {TIMESTAMP_GOAL_MS:.0f} ms", said(reached[what])) if what in reached else ("", "")
        print(f"| time stamps after the true moments, {what}: p50, p99 (of each run), largest of {every.size} | "
              f"{p50:.2f}, {p99:.1f} ({of_runs}), {most:.0f} ms | {goal[0]} | {goal[1]} |")  # fmt: skip
    return all(reached.values())


def said(reached: bool) -> str:  # noqa: FBT001 - a word for it
    return "yes" if reached else "no"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--pods", type=int, default=200)
    arguments = parser.parse_args()
    if reason := pods_reason():
        sys.exit(f"launcher: {reason}")
    os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    seen = Seen()
    for _ in range(arguments.runs):
        run_once(seen, arguments.pods)
    sys.exit(0 if show(seen, arguments.pods) else 1)


if __name__ == "__main__":
    main()
