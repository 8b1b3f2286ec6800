"""A service that is killed at random moments while many send to it: is each receipt honored, does anything count twice?

    python -m tests.corrective_drift.kill_nine [--kills N] [--seed N] [--store sqlite|postgresql|both]

Prints a table; ends with 1 where a promise was broken. The store is asked after the last kill: each batch that was
answered with a receipt is there, with the very same receipt when it is asked for again, and all its documents once.
"""

import argparse
import io
import multiprocessing
import os
import random
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
from sqlalchemy import func, select

from agent.delivery.batch import frame
from agent.wire.fields import schema_digest
from corrective_drift.limits import Rate
from corrective_drift.log import Log
from corrective_drift.receipts import load_signer
from corrective_drift.server import Address, listening, prepared
from corrective_drift.service import Service, Settings
from corrective_drift.store.engine import open_engine, reading
from corrective_drift.store.migrate import migrate
from corrective_drift.store.schema import BATCHES, REPORTS
from probes.process import die_with_parent
from tests.corrective_drift.documents import CONSENT, document, keys
from tests.corrective_drift.running import Files, certificates
from tests.corrective_drift.stores import add_store_option, databases

_DAY = date(2026, 11, 20)
_SENDERS = 6
# From right after the start to well into the work.
_LONGEST_LIFE_SECONDS = 1.0
_RATE = Rate(per_second=1e6, burst=1_000_000)
# Starting an interpreter with all imports takes far longer than a life: one does that once, and is forked for each.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["corrective_drift.server", "tests.corrective_drift.running"])


@dataclass
class Ledger:
    """What was sent, and what was answered."""

    sent: dict[str, int] = field(default_factory=dict)
    """Batch id -> documents."""
    receipts: dict[str, dict[str, object]] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    broken_off: int = 0


@dataclass
class Sender(threading.Thread):
    """Sends as one cluster; what was not answered is sent again, the same bytes under the same key."""

    number: int
    rng: random.Random
    tls: ssl.SSLContext
    ledger: Ledger
    url: str = ""
    stopping: bool = False
    again: tuple[str, bytes] | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return self.number

    def run(self) -> None:
        with httpx.Client(verify=self.tls, timeout=30) as client:
            while not self.stopping or self.again is not None:
                self._send(client)

    def _send(self, client: httpx.Client) -> None:
        batch_id, body = self.again or self._new()
        self.again = batch_id, body
        headers = {
            "authorization": f"Bearer {keys(self.number).token}",
            "content-type": "application/json",
            "idempotency-key": batch_id,
            "prism-consent": CONSENT,
            "prism-schema": schema_digest(),
        }
        try:
            answer = client.post(f"{self.url}/v1/collect", content=body, headers=headers)
        except httpx.TransportError as error:
            self.ledger.broken_off += not isinstance(error, httpx.ConnectError)
            time.sleep(0.01)
            return
        if answer.status_code == 503:
            return
        if answer.status_code != 200:
            self.ledger.unexpected.append(answer.text)
        else:
            self.ledger.receipts[batch_id] = answer.json()
        self.again = None

    def _new(self) -> tuple[str, bytes]:
        value = self.rng.getrandbits(128)
        text = f"{value:032x}"
        batch_id = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        count = self.rng.randint(1, 5)
        self.ledger.sent[batch_id] = count
        return batch_id, frame([document(self.number, _DAY, hour=hour) for hour in range(count)])


def live(database: str, directory: Path, files: Files, told: Connection) -> None:
    """Be the service, until killed; tell the port as soon as it is known."""
    die_with_parent(os.getppid())
    service = Service(
        engine=open_engine(database),
        signer=load_signer(directory / "signing-key.pem"),
        log=Log("json", io.StringIO()),
        settings=Settings(own_rate=_RATE, shared_rate=_RATE),
        today=lambda: _DAY,
    )
    address = Address(port=0, certificate=files.certificate, key=files.key)
    with listening(address) as listener:
        told.send(listener.getsockname()[1])
        prepared(service, address, listener).run(sockets=[listener])


@contextmanager
def living(database: str, directory: Path, files: Files) -> Iterator[str]:
    """Start a service, yield its address, and kill it."""
    here, there = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=live, args=(database, directory, files, there))
    process.start()
    try:
        if not here.poll(60):
            raise RuntimeError("the service did not start")
        yield f"https://localhost:{here.recv()}"
    finally:
        process.kill()
        process.join()
        here.close()
        there.close()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was promised and what came of it."""

    store: str
    kills: int
    receipts: int
    lost: int
    changed: int
    twice: int
    half: int
    unexpected: int
    broken_off: int
    """Requests that a kill met while they were answered."""
    seconds: float

    @property
    def holds(self) -> bool:
        return self.receipts > 0 and not (self.lost or self.changed or self.twice or self.half or self.unexpected)


def run(database: str, directory: Path, files: Files, *, kills: int, seed: int) -> Outcome:
    """Kill the service `kills` times while others send to it, and look what is in the store."""
    begun, rng = time.monotonic(), random.Random(seed)
    engine = open_engine(database)
    migrate(engine)
    ledger, tls = Ledger(), ssl.create_default_context(cafile=files.ca)
    senders = [Sender(number, random.Random(f"{seed} {number}"), tls, ledger) for number in range(_SENDERS)]
    for life in range(kills + 1):
        with living(database, directory, files) as url:
            for sender in senders:
                sender.url = url
                if life == 0:
                    sender.start()
            if life == kills:
                _drain(senders)
                changed = _changed(url, tls, ledger)
            else:
                time.sleep(rng.uniform(0, _LONGEST_LIFE_SECONDS))
    with reading(engine) as connection:
        stored = dict(map(tuple, connection.execute(select(BATCHES.c.batch_id, BATCHES.c.accepted))))
        ids = list(connection.scalars(select(REPORTS.c.report_id)))
        distinct = connection.scalar(select(func.count(func.distinct(REPORTS.c.report_id)))) or 0
    engine.dispose()
    documents: dict[str, int] = {}
    for each in ids:
        documents[each.partition(":")[0]] = documents.get(each.partition(":")[0], 0) + 1
    return Outcome(
        store=database.partition(":")[0].partition("+")[0],
        kills=kills,
        receipts=len(ledger.receipts),
        lost=len(ledger.receipts.keys() - stored.keys()),
        changed=changed,
        twice=len(ids) - distinct,
        half=sum(documents.get(batch, 0) != ledger.sent[batch] for batch in stored),
        unexpected=len(ledger.unexpected),
        broken_off=ledger.broken_off,
        seconds=time.monotonic() - begun,
    )


def _drain(senders: list[Sender]) -> None:
    """Let each have its last batch answered."""
    for sender in senders:
        sender.stopping = True
    for sender in senders:
        sender.join(timeout=60)
        assert not sender.is_alive()


def _changed(url: str, tls: ssl.SSLContext, ledger: Ledger) -> int:
    """How many receipts read otherwise when they are asked for again."""
    changed = 0
    tokens = [keys(number).token for number in range(_SENDERS)]
    with httpx.Client(base_url=url, verify=tls, timeout=60) as client:
        for receipt in ledger.receipts.values():
            answers = (client.get(f"/v1/receipts/{receipt['receipt']}", headers=_bearer(token)) for token in tokens)
            changed += not any(answer.status_code == 200 and answer.json() == receipt for answer in answers)
    return changed


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    add_store_option(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-nine-") as name:
        directory = Path(name)
        files = certificates(directory)
        with databases(arguments.store, directory, durable=True) as urls:
            outcomes = [
                run(database, directory, files, kills=arguments.kills, seed=arguments.seed)
                for database in urls.values()
            ]
    rows = ("kills", "receipts", "lost", "changed", "twice", "half", "unexpected", "broken_off", "seconds")
    print(f"| what | {' | '.join(each.store for each in outcomes)} | goal |")
    print("|---|" + "---:|" * (len(outcomes) + 1))
    for row in rows:
        goal = "0" if row in {"lost", "changed", "twice", "half", "unexpected"} else ""
        print(f"| {row} | {' | '.join(f'{getattr(each, row):.0f}' for each in outcomes)} | {goal} |")
    sys.exit(0 if all(each.holds for each in outcomes) else 1)


if __name__ == "__main__":
    main()
