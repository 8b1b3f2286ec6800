"""An agent that only puts and sends, to be killed. Prints the number of each document that the outbox has taken.

    python -m tests.agent.delivery.kill_worker DIRECTORY URL CA_BUNDLE SEED [drain]

With `drain` it puts nothing, sends until nothing waits, and ends; its clock leaps to whatever is due next, since
fragments that met a failure wait for hours.
"""

import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.delivery.audit import Trail
from agent.delivery.backoff import Backoff
from agent.delivery.elapsed import Clock, system_clock
from agent.delivery.flush import Delivery
from agent.delivery.outbox import Limits, Outbox, opened
from agent.delivery.outbox_view import next_seconds
from agent.delivery.send import Patience
from agent.lock import held
from tests.agent.delivery.parts import BEGINNING, CONSENT, client, document, fragment

LIMITS = Limits(age_seconds=86_400)
# Small enough that a short life sees retries, flushes and quick repeats.
_BACKOFF = Backoff(base_seconds=0.002, max_retries=3, flush_interval_seconds=0.01)


def work(outbox: Outbox, delivery: Delivery, rng: random.Random) -> None:
    number = time.time_ns()  # no two lives share one
    while True:
        count = rng.randint(1, 5)
        records = [fragment(number + each) if rng.random() < 0.3 else document(number + each) for each in range(count)]
        outbox.put(records, consent_digest=CONSENT)
        print(*range(number, number + count), flush=True)
        number += count
        delivery.flush()


class LeapingClock:
    def __init__(self) -> None:
        self._leapt_seconds = 0.0
        self._system = system_clock()

    def leap(self, seconds: float) -> None:
        self._leapt_seconds += seconds

    def clock(self) -> Clock:
        return Clock(
            boot_seconds=lambda: self._system.boot_seconds() + self._leapt_seconds,
            boot=self._system.boot,
            wall_seconds=time.time,
        )


def drain(outbox: Outbox, delivery: Delivery, time: LeapingClock) -> None:
    while (seconds := next_seconds(outbox, _BACKOFF.flush_interval_seconds)) is not None:
        time.leap(seconds)
        delivery.flush()


def main() -> None:
    directory, url, ca_bundle, seed, *rest = sys.argv[1:]
    rng = random.Random(int(seed))
    state = Path(directory)
    leaping = LeapingClock()
    with (
        held(state / "lock"),
        opened(state / "outbox.db", LIMITS, repair=lambda aside: sys.exit(f"{aside}"), clock=leaping.clock()) as outbox,
    ):
        trail = Trail(state / "audit.jsonl", now=lambda: datetime.now(UTC))
        delivery = Delivery(
            outbox=outbox,
            client=client(url, Path(ca_bundle), patience=Patience(step_seconds=5, total_seconds=10)),
            trail=trail,
            backoff=_BACKOFF,
            batch_size=4,
            consent_digest=CONSENT,
            consented_at=BEGINNING,
            unix_seconds=time.time,
            rng=rng,
        )
        print("ready", flush=True)
        if rest:
            drain(outbox, delivery, leaping)
        else:
            work(outbox, delivery, rng)


if __name__ == "__main__":
    main()
