"""An agent that is killed at random moments, against a service that misbehaves: is anything lost, or counted twice?

    python -m tests.agent.delivery.kill_nine [--kills N] [--seed N]

Prints a table; ends with 1 where a promise was broken.
"""

import argparse
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from agent.delivery.audit import Head
from agent.delivery.audit_check import verify
from agent.delivery.outbox import opened
from agent.delivery.outbox_view import receipts, stats
from tests.agent.delivery.kill_worker import LIMITS
from tests.agent.delivery.service import (
    Behavior,
    Handler,
    Seen,
    Service,
    accept,
    answer,
    break_off,
    lose_answer,
    serving,
)

# A life is measured by what it has done, whatever the machine's load: this many puts at most, each with the requests
# that follow, and then an instant more.
_LONGEST_LIFE_PUTS = 8
_LONGEST_INSTANT_SECONDS = 0.05
# Of the kills; these come while the worker still starts, on an idle machine within this time.
_SHARE_OF_EARLY_KILLS = 0.1
_START_SECONDS = 0.4
_MOODS: tuple[tuple[int, Behavior], ...] = (
    (60, accept),
    (12, lose_answer),
    (8, break_off),
    (6, answer(503, Retry_After="0")),
    (4, answer(429)),
    (4, answer(500)),
    (3, answer(200, b"<html>")),
    (3, answer(409, b'{"error":"in_progress"}')),
)


@dataclass(frozen=True)
class Outcome:
    """What was promised and what came of it."""

    kills: int
    acknowledged: int
    lost: int
    counted_twice: int
    never_acknowledged: int
    """Arrived although the worker died before it could say that it had them: allowed."""
    requests: int
    cut_short: int
    """Requests whose sender was killed between head and body."""
    conflicts: int
    waiting: int
    recovered_lines: int
    chain: str
    chain_holds: bool
    seconds: float

    @property
    def holds(self) -> bool:
        return self.chain_holds and not (self.lost or self.counted_twice or self.conflicts or self.waiting)


def moody(rng: random.Random) -> Behavior:
    weights, behaviors = zip(*_MOODS, strict=True)

    def behave(handler: Handler, seen: Seen) -> None:
        with handler.server.service.lock:
            (behavior,) = rng.choices(behaviors, weights)
        behavior(handler, seen)

    return behave


def run(kills: int, seed: int, directory: Path) -> Outcome:
    """Kill a worker `kills` times, let a last one drain the outbox, and compare."""
    begun = time.monotonic()
    rng = random.Random(seed)
    authority = trustme.CA()
    ca_bundle = directory / "ca.pem"
    authority.cert_pem.write_to_path(ca_bundle)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    state = directory / "state"
    state.mkdir()
    acknowledged: list[int] = []
    with serving(tls) as service:
        command = [sys.executable, "-m", f"{__package__}.kill_worker", str(state), service.url, str(ca_bundle)]
        service.otherwise = moody(random.Random(seed))
        for life in range(kills):
            acknowledged += _live_and_die([*command, str(life)], rng)
        service.otherwise = accept
        # Who can't get rid of what waits is stopped; that it waits still is then seen.
        with suppress(subprocess.TimeoutExpired):
            subprocess.run([*command, "0", "drain"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    return _judge(state, service, acknowledged, kills, time.monotonic() - begun)


def _live_and_die(command: list[str], rng: random.Random) -> list[int]:
    """Start a worker, kill it, and return the documents that it had said to be taken."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        said = ""
        if rng.random() < _SHARE_OF_EARLY_KILLS:
            time.sleep(rng.uniform(0, _START_SECONDS))
        else:
            said = "".join(worker.stdout.readline() for _ in range(1 + rng.randint(0, _LONGEST_LIFE_PUTS)))
            time.sleep(rng.uniform(0, _LONGEST_INSTANT_SECONDS))
        worker.send_signal(signal.SIGKILL)
        rest, complained = worker.communicate()
        said += rest
    if worker.returncode != -signal.SIGKILL:
        sys.exit(f"the worker ended by itself ({worker.returncode}): {complained}")
    whole = said[: said.rfind("\n") + 1]
    return [int(word) for word in whole.split() if word != "ready"]


def _judge(state: Path, service: Service, acknowledged: list[int], kills: int, seconds: float) -> Outcome:
    counted = Counter(each["id"] for each in service.counted)
    with opened(state / "outbox.db", LIMITS) as outbox:
        waiting = stats(outbox).waiting_documents + stats(outbox).dead_documents + len(outbox.losses())
        heads = [each.audit_head for each in receipts(outbox) if each.audit_head is not None]
    chain = verify(state / "audit.jsonl", [*heads, *service.heads])
    return Outcome(
        kills=kills,
        acknowledged=len(acknowledged),
        lost=len(set(acknowledged) - counted.keys()),
        counted_twice=sum(times > 1 for times in counted.values()),
        never_acknowledged=len(counted.keys() - set(acknowledged)),
        requests=len(service.seen),
        cut_short=service.cut_short,
        conflicts=len(service.conflicts),
        waiting=waiting,
        recovered_lines=(state / "audit.jsonl").read_text().count('"event":"recovered"'),
        chain=f"{chain.lines} lines, intact" if isinstance(chain, Head) else str(chain),
        chain_holds=isinstance(chain, Head),
        seconds=seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="kill-nine-"))
    try:
        outcome = run(arguments.kills, arguments.seed, directory)
    finally:
        shutil.rmtree(directory)
    rows = {
        "kill -9": (outcome.kills, ""),
        "documents that `put` had taken": (outcome.acknowledged, ""),
        "of these, lost": (outcome.lost, "0"),
        "documents counted twice": (outcome.counted_twice, "0"),
        "keys that came with two bodies": (outcome.conflicts, "0"),
        "documents left, dropped or refused": (outcome.waiting, "0"),
        "documents that arrived, killed before `put` could say so": (outcome.never_acknowledged, ""),
        "requests": (outcome.requests, ""),
        "requests cut short by a kill": (outcome.cut_short, ""),
        "audit lines cut short and mended": (outcome.recovered_lines, ""),
        "audit chain": (outcome.chain, "intact"),
        "seconds": (f"{outcome.seconds:.0f}", ""),
    }
    print("| what | seen | goal |\n|---|---:|---:|")
    for name, (seen, goal) in rows.items():
        print(f"| {name} | {seen} | {goal} |")
    sys.exit(0 if outcome.holds else 1)


if __name__ == "__main__":
    main()
