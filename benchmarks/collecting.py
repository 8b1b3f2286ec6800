"""What collecting a large cluster costs, against merely reading the same bytes, and against the official client.

    python benchmarks/collecting.py [--rounds N] [--nodes N] [--pods N]

The cluster is `large_cluster`, in a process of its own. Each measurement is a fresh process, so that its memory is its
own: the peak is what the kernel counted for it (VmHWM). Draining sends the very same requests through the same client
library and drops what comes; it is measured right before each collection, and each pair gives a ratio. The official
client makes typed lists of the nodes and pods of a tenth of the cluster, in turns with collecting the same lists, which
is done several times a turn, since it is so short.
"""

import argparse
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from agent.collect import kinds
from agent.collect.gather import gather
from agent.collect.nodes import Capacity
from agent.collect.usage import Requests
from agent.collect.workloads import Containers
from agent.kube.errors import Ask
from agent.kube.http import Transport
from agent.kube.login import log_in
from agent.kube.scan import Kind, KubeScan, Tally
from agent.levels import DataType, Level
from benchmarks.large_cluster import NODES, PODS, Cluster
from probes.process import die_with_parent
from tests.standin.list_server import serving_lists

DRAIN_GOAL = 2.0
MEMORY_GOAL_BYTES = 160 * 2**20
OFFICIAL_GOAL = 50.0
_CHUNK_BYTES = 1 << 16
_TURNS = 5
_TOKEN = re.compile(rb'"continue":"([^"]*)"')
_SPAWN = multiprocessing.get_context("spawn")
T = TypeVar("T", bound=Tally[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Drain:
    """Asks as KubeScan does, and drops the answers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._scan = KubeScan(transport)

    def version(self) -> str:
        """As KubeScan's; the answer is small."""
        return self._scan.version()

    def groups(self) -> frozenset[str]:
        """As KubeScan's."""
        return self._scan.groups()

    def count(self, kind: Kind[Any]) -> int:
        """As KubeScan's."""
        return self._scan.count(kind)

    def fold(self, kind: Kind[Any], start: Callable[[], T]) -> T:
        """Read all pages and return an empty tally."""
        api, query = kind.api, {"limit": "500"}
        root = f"/apis/{api.group}/{api.version}" if api.group else f"/api/{api.version}"
        while True:
            response = self._transport.open_stream(Ask.of("list", api), f"{root}/{api.plural}", query, 60.0)
            token = _TOKEN.search(response.read(_CHUNK_BYTES), 0, 400)
            while response.read(_CHUNK_BYTES):
                pass
            response.release_conn()
            if token is None:
                return start()
            query["continue"] = token[1].decode()


def drain(kubeconfig: str) -> Callable[[], Any]:
    source = Drain(Transport(log_in(kubeconfig=kubeconfig)))
    return lambda: gather(source, level=Level.DETAILED, data_types=tuple(DataType))


def collect(kubeconfig: str) -> Callable[[], Any]:
    source = KubeScan(Transport(log_in(kubeconfig=kubeconfig)))

    def run() -> None:
        facts = gather(source, level=Level.DETAILED, data_types=tuple(DataType))
        assert set(facts.statuses.values()) == {"ok"}, facts.statuses

    return run


class _Both:
    """What is kept of a tenth's pods, for the comparison with the official client."""

    def __init__(self) -> None:
        self._tallies = (Requests(), Containers())

    def add(self, pods: Any) -> None:
        """Feed both."""
        for tally in self._tallies:
            tally.add(pods)


def collect_same(kubeconfig: str) -> Callable[[], Any]:
    """The lists that the official client makes."""
    source = KubeScan(Transport(log_in(kubeconfig=kubeconfig)))

    def run() -> None:
        source.fold(kinds.NODES, Capacity)
        source.fold(kinds.PODS, _Both)

    return run


def official(kubeconfig: str) -> Callable[[], Any]:
    """The typed lists of the two kinds that are nearly all of a cluster, in pages of the same size."""
    from kubernetes import client, config  # noqa: PLC0415 - heavy, and only here

    core = client.CoreV1Api(config.new_client_from_config(kubeconfig))

    def run() -> None:
        for list_them in (core.list_node, core.list_pod_for_all_namespaces):
            token = None
            while token != "":
                page = list_them(limit=500, _continue=token)
                token = page.metadata._continue or ""  # noqa: SLF001 - its name there

    return run


def measured(sender: Connection, make: Callable[[str], Callable[[], Any]], kubeconfig: str) -> None:
    """Run and send what it cost. Logging in and imports are not counted in time, and are in memory."""
    die_with_parent(os.getppid())
    run = make(kubeconfig)
    begin, cpu = time.perf_counter(), time.process_time()
    run()
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    sender.send(Cost(seconds=seconds, cpu_seconds=cpu_seconds, peak_bytes=int(peak[1]) * 1024))


def cost_of(make: Callable[[str], Callable[[], Any]], kubeconfig: str) -> Cost:
    receiver, sender = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=measured, args=(sender, make, kubeconfig))
    process.start()
    sender.close()
    cost: Cost = receiver.recv()
    process.join()
    return cost


def serve(connection: Connection, nodes: int, pods: int, directory: str) -> None:
    die_with_parent(os.getppid())
    cluster = Cluster(nodes=nodes, pods=pods)
    with serving_lists(cluster.answer, Path(directory)) as (_, kubeconfig):
        connection.send((str(kubeconfig), cluster.size_bytes))
        connection.recv()


@contextmanager
def served(nodes: int, pods: int) -> Iterator[tuple[str, int]]:
    """Serve a cluster in a process of its own; yield a kubeconfig and the size of its JSON."""
    ours, theirs = _SPAWN.Pipe()
    with tempfile.TemporaryDirectory() as directory:
        process = _SPAWN.Process(target=serve, args=(theirs, nodes, pods, directory))
        process.start()
        try:
            yield ours.recv()
        finally:
            ours.send(None)
            process.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--pods", type=int, default=PODS)
    wanted = parser.parse_args()
    with served(wanted.nodes, wanted.pods) as (kubeconfig, size_bytes):
        pairs = [(cost_of(drain, kubeconfig), cost_of(collect, kubeconfig)) for _ in range(wanted.rounds)]
    with served(wanted.nodes // 10, wanted.pods // 10) as (kubeconfig, _):
        turns = [
            ([cost_of(collect_same, kubeconfig) for _ in range(wanted.rounds)], cost_of(official, kubeconfig))
            for _ in range(_TURNS)
        ]
    print(f"{wanted.nodes} nodes, {wanted.pods} pods, {size_bytes / 1e6:.0f} MB of JSON over HTTPS on loopback\n")
    drained, collected = zip(*pairs, strict=True)
    print("| | seconds | CPU seconds | peak memory |\n|---|---:|---:|---:|")
    show("reading the bytes and dropping them", drained)
    show("collecting", collected)
    show("collecting nodes and pods of a tenth", [cost for tenth, _ in turns for cost in tenth])
    show("official client, typed nodes and pods of a tenth", [typed for _, typed in turns])
    slower = statistics.median(after.seconds / before.seconds for before, after in pairs)
    factors = [typed.seconds / statistics.median(cost.seconds for cost in tenth) for tenth, typed in turns]
    faster = statistics.median(factors)
    most = max(cost.peak_bytes for cost in collected)
    print("\n| | measured | goal |\n|---|---:|---:|")
    print(f"| collecting by draining, median of {len(pairs)} pairs | {slower:.2f} | at most {DRAIN_GOAL:g} |")
    print(f"| peak memory of collecting | {most / 2**20:.0f} MiB | at most {MEMORY_GOAL_BYTES / 2**20:.0f} MiB |")
    spread = f"{min(factors):.1f}-{max(factors):.1f}"
    print(f"| official client by collecting, on a tenth, {spread} | {faster:.1f} | at least {OFFICIAL_GOAL:g} |")
    return 0 if slower <= DRAIN_GOAL and most <= MEMORY_GOAL_BYTES and faster >= OFFICIAL_GOAL else 1


def show(name: str, costs: Any) -> None:
    seconds, cpu = (statistics.median(getattr(cost, what) for cost in costs) for what in ("seconds", "cpu_seconds"))
    print(f"| {name} | {seconds:.2f} | {cpu:.2f} | {max(cost.peak_bytes for cost in costs) / 2**20:.0f} MiB |")


if __name__ == "__main__":
    sys.exit(main())
