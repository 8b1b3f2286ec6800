"""Kill the launcher at random moments of a run, and see that nothing stays: `python -m tests.end_to_end.kills`.

Half of the runs are followed by `probe cleanup`, the other half by nothing at all but the cluster's own controllers,
for whom the time passes until the run expires. Prints a Markdown table; ends with 1 where anything was left.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.guard import Limits
from jobs.launch import expires_after
from jobs.site import RUN
from tests.end_to_end.lab import processes_of
from tests.standin.lab import wait_until
from tests.standin.resources import EVENTS
from tests.standin.standin import StandIn, pods_reason

PROBE = str(Path(sys.executable).with_name("probe"))
# A claim, servers, Services, many pods, and everything as short as it can be.
RUN_OF_ALL_KINDS = (
    *("run", "storage", "dns", "startup", "--target", "cluster", "--no-history", "--max-nodes", "1"),
    *("--storage-class", "standard", "--size", "16MiB", "--duration", "100ms", "--startup-pods", "6"),
)
Things = frozenset[tuple[str, str, str]]
End = Callable[[StandIn], None]
"""What follows a kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A launcher that was killed."""

    moment_seconds: float
    """After its first object was there."""
    in_time: bool
    """Whether it had not ended by itself before."""
    orphans: int
    """How many objects were there just after it had died."""
    left: Things
    """What is there in the end."""
    processes: tuple[str, ...]
    """What of its pods still runs then."""


def by_cleanup(cluster: StandIn) -> None:
    """Let `probe cleanup` remove what is left, as a user would."""
    subprocess.run(
        [PROBE, "cleanup", "--older-than", "0"], env=_environment(cluster), check=True, capture_output=True, timeout=100
    )


def by_expiry(cluster: StandIn) -> None:
    """Do nothing; what a run may last passes."""
    cluster.let_pass(expires_after(Limits()) + 1.0)


def kill(cluster: StandIn, moment_seconds: float, end: End, command: Sequence[str] = RUN_OF_ALL_KINDS) -> Kill:
    """Begin a run, kill it `moment_seconds` after its first object, and let `end` follow."""
    before = _things(cluster)
    process = _begin(cluster, command)
    try:
        _await_first_object(cluster, before, process)
        begin = time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment_seconds)
        lasted_seconds, in_time = time.monotonic() - begin, process.poll() is None
    finally:
        process.kill()
        process.wait()
    orphans, run_ids = _things(cluster) - before, _run_ids(cluster)
    end(cluster)
    with suppress(AssertionError):
        wait_until(cluster, lambda: _things(cluster) == before)
    return Kill(
        moment_seconds=lasted_seconds,
        in_time=in_time,
        orphans=len(orphans),
        left=_things(cluster) - before,
        processes=tuple(each for run_id in run_ids for each in processes_of(run_id)),
    )


def duration_seconds(cluster: StandIn) -> float:
    """Return how long a run lasts that nobody kills, from its first object to its end."""
    before = _things(cluster)
    process = _begin(cluster, RUN_OF_ALL_KINDS)
    _await_first_object(cluster, before, process)
    begin = time.monotonic()
    process.wait()
    return time.monotonic() - begin


def _begin(cluster: StandIn, command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [PROBE, *command],
        env=_environment(cluster),
        cwd=tempfile.gettempdir(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _await_first_object(cluster: StandIn, before: Things, process: "subprocess.Popen[bytes]") -> None:
    wait_until(cluster, lambda: _things(cluster) != before or process.poll() is not None)
    assert process.poll() is None, f"the run ended with {process.returncode} before it had created anything"


def _environment(cluster: StandIn) -> dict[str, str]:
    return os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}


def _things(cluster: StandIn) -> Things:
    """Return all objects. Events, which stay for an hour, belong to the cluster."""
    return frozenset(
        (resource.kind, thing["metadata"].get("namespace", ""), thing["metadata"]["name"])
        for resource, thing in cluster.store.everything()
        if resource is not EVENTS
    )


def _run_ids(cluster: StandIn) -> set[str]:
    labels = [thing["metadata"].get("labels") or {} for _, thing in cluster.store.everything()]
    return {each[RUN] for each in labels if RUN in each}


def _many(end: End, count: int, seed: int) -> tuple[float, list[Kill]]:
    """Kill `count` launchers, each at a random moment of another part of a run; return how long one lasts, and them."""
    chance = random.Random(seed)
    killed: list[Kill] = []
    with StandIn() as cluster:
        span = duration_seconds(cluster)
        while len(killed) < count:
            found = kill(cluster, span * (len(killed) + chance.random()) / count, end)
            sys.stderr.write(f"{end.__name__}: {found}\n")
            if found.in_time:
                killed.append(found)
            else:
                # On a machine that others use as well runs become shorter, too.
                span = min(span, found.moment_seconds)
    return span, killed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each half (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    arguments = parser.parse_args()
    if reason := pods_reason():
        sys.exit(f"kills: {reason}")
    ends = {"`probe cleanup`": by_cleanup, "the cluster alone": by_expiry}
    with ThreadPoolExecutor(len(ends)) as pool:
        halves = list(pool.map(lambda end: _many(end, arguments.kills, arguments.seed), ends.values()))
    rows = ["| followed by | kills | moments | objects left by the launcher | afterwards | processes |"]
    rows.append("|---|---|---|---|---|---|")
    for name, (span, killed) in zip(ends, halves, strict=True):
        orphans = [each.orphans for each in killed]
        left, processes = sum(len(each.left) for each in killed), sum(len(each.processes) for each in killed)
        rows.append(
            f"| {name} | {len(killed)} | over {span:.0f} s | {min(orphans)} to {max(orphans)}, {sum(orphans)} in all "
            f"| {left} | {processes} |"
        )
    sys.stdout.write("\n".join(rows) + "\n")
    sys.exit(any(each.left or each.processes for _, killed in halves for each in killed))


if __name__ == "__main__":
    main()
