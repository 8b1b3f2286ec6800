"""How fast the service takes reports over HTTP, against bare inserts of the same rows, on SQLite and on PostgreSQL.

    python benchmarks/ingest.py [--seconds N] [--rounds N]

Both ways are measured in turns (A B A B ...), each on a database of its own that flushes every commit to the disk; the
ratio is the median of those of the pairs. The bare way is the driver's `executemany`, with the rows ready made, and as
many requests' rows in a transaction as the service had in one. The service unpacks, checks, stores and signs, while the
requests are made by another process on the same cores: a client that does as little as one can, since what it costs is
taken from the service (the requests are ready made but for their keys, and of an answer only its end and its status are
read). Ends with 1 where a goal was missed: the ratio at 100 reports a request (an agent's `batch_size`), and the memory
throughout. A request of one report is shown beside it: there HTTP is measured.
"""

import argparse
import asyncio
import hashlib
import multiprocessing
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import psutil
import psycopg
import uvloop
from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).parent.parent))

from agent.delivery.batch import compress, frame
from agent.wire.fields import schema_digest
from corrective_drift.limits import Rate
from corrective_drift.log import standard_log
from corrective_drift.receipts import load_signer
from corrective_drift.server import Address, listening, prepared
from corrective_drift.service import Service, Settings
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import migrate
from probes.process import die_with_parent
from tests.corrective_drift import postgresql
from tests.corrective_drift.documents import CONSENT, document, keys

GOAL_RATIO, GOAL_MIB = 0.4, 200.0
BATCH_SIZE = 100
_DAY = date(2026, 11, 20)
_CLUSTERS = 40
_CONNECTIONS = 48
_RATE = Rate(per_second=1e9, burst=1_000_000_000)


@dataclass(frozen=True)
class Content:
    """What one cluster sends, again and again under new keys."""

    number: int
    texts: Sequence[bytes]
    body: bytes

    @cached_property
    def request(self) -> tuple[bytes, bytes]:
        """An HTTP request, before and after the batch's id."""
        head = (
            f"POST /v1/collect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(self.body)}\r\n"
            f"Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
            f"Authorization: Bearer {keys(self.number).token}\r\nPrism-Consent: {CONSENT}\r\n"
            f"Prism-Schema: {schema_digest()}\r\nIdempotency-Key: "
        )
        return head.encode(), b"\r\n\r\n" + self.body

    def rows(self, batch_id: str) -> tuple[tuple[object, ...], list[tuple[object, ...]]]:
        """Return what the service makes of it: a row of batches, and those of reports."""
        pid, digest = keys(self.number).cluster_id, hashlib.sha256(self.body).digest()
        batch = (pid, batch_id, digest, len(self.texts), len(self.texts), _DAY.isoformat(), None)
        reports = [
            (pid, _DAY.isoformat(), f"{batch_id}:{at}", "standard", text.decode()) for at, text in enumerate(self.texts)
        ]
        return batch, reports


@dataclass(frozen=True)
class Measured:
    """One turn of the service."""

    reports_per_second: float
    requests_a_commit: float


def contents(documents: int) -> list[Content]:
    made = []
    for number in range(_CLUSTERS):
        texts = [document(number, _DAY, hour=hour) for hour in range(documents)]
        made.append(Content(number, texts, compress(frame(texts))))
    return made


def live(database: str, directory: Path, told: Connection) -> None:
    """Be the service, until killed."""
    die_with_parent(os.getppid())
    service = Service(
        engine=open_engine(database),
        signer=load_signer(directory / "signing-key.pem"),
        log=standard_log(),
        settings=Settings(own_rate=_RATE, shared_rate=_RATE),
        today=lambda: _DAY,
    )
    address = Address(port=0)
    with listening(address) as listener:
        told.send(listener.getsockname()[1])
        prepared(service, address, listener).run(sockets=[listener])


@contextmanager
def living(database: str, directory: Path) -> Iterator[tuple[int, psutil.Process]]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=live, args=(database, directory, there))
    process.start()
    try:
        port = here.recv()
        assert process.pid is not None
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.join()


def commits(port: int) -> tuple[float, float]:
    """Return how many transactions there were, and requests in them."""
    told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    values = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    return float(values["corrective_drift_commit_requests_count"]), float(
        values["corrective_drift_commit_requests_sum"]
    )


def over_http(port: int, made: Sequence[Content], seconds: float) -> Measured:
    before = commits(port)
    begun = time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reports = runner.run(_load(port, made, seconds))
    took = time.perf_counter() - begun
    after = commits(port)
    return Measured(reports / took, (after[1] - before[1]) / max(1.0, after[0] - before[0]))


async def _load(port: int, made: Sequence[Content], seconds: float) -> int:
    loop, sending, deadline = asyncio.get_running_loop(), cycle(made), time.perf_counter() + seconds
    begin = partial(Sender, sending, deadline)
    connected = [await loop.create_connection(begin, "127.0.0.1", port) for _ in range(_CONNECTIONS)]
    return sum(await asyncio.gather(*(sender.sent for _, sender in connected)))


class Sender(asyncio.Protocol):
    """A connection that sends the next request as soon as the last is answered, until the deadline."""

    def __init__(self, sending: Iterator[Content], deadline: float) -> None:
        self._sending, self._deadline = sending, deadline
        self._received, self._reports = b"", 0
        self.sent: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the loop has it
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take what has come of an answer."""
        self._received += data
        head, end, answer = self._received.partition(b"\r\n\r\n")
        if not end or len(answer) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.sent.set_exception(RuntimeError(answer.decode()))
            return
        self._received = b""
        self._reports += len(self._content.texts)
        if time.perf_counter() < self._deadline:
            self._send()
        else:
            self.sent.set_result(self._reports)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail where it was too early."""
        if not self.sent.done():
            self.sent.set_exception(exc or ConnectionError("the service has hung up"))

    def _send(self) -> None:
        self._content = next(self._sending)
        before, after = self._content.request
        self._transport.write(before + str(uuid.uuid4()).encode() + after)


Insert = Callable[[Sequence[tuple[object, ...]], Sequence[tuple[object, ...]]], None]


def bare(insert: Insert, made: Sequence[Content], seconds: float, requests_a_commit: float) -> float:
    """Return the reports a second of inserts alone; making the rows is not counted."""
    reports, took, sending = 0, 0.0, cycle(made)
    group = max(1, round(requests_a_commit))
    while took < seconds:
        rows = [content.rows(str(uuid.uuid4())) for content in islice(sending, group)]
        batches, flat = [batch for batch, _ in rows], [report for _, each in rows for report in each]
        begun = time.perf_counter()
        insert(batches, flat)
        took += time.perf_counter() - begun
        reports += len(flat)
    return reports / took


def sqlite_insert(database: str, stack: ExitStack) -> Insert:
    connection = sqlite3.connect(make_url(database).database or "", isolation_level=None)
    stack.callback(connection.close)
    connection.execute("PRAGMA synchronous = FULL")

    def insert(batches: Sequence[tuple[object, ...]], reports: Sequence[tuple[object, ...]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)", batches)
        connection.executemany("INSERT INTO reports VALUES (?, ?, ?, ?, ?)", reports)
        connection.execute("COMMIT")

    return insert


def postgresql_insert(database: str, stack: ExitStack) -> Insert:
    connection = stack.enter_context(psycopg.connect(database.replace("+psycopg", "")))

    def insert(batches: Sequence[tuple[object, ...]], reports: Sequence[tuple[object, ...]]) -> None:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany("INSERT INTO batches VALUES (%s, %s, %s, %s, %s, %s, %s)", batches)
            cursor.executemany("INSERT INTO reports VALUES (%s, %s, %s, %s, %s)", reports)

    return insert


def databases(store: str, directory: Path, stack: ExitStack) -> tuple[str, str]:
    """Return two empty ones, for the service and for the bare inserts."""
    if store == "sqlite":
        found = tuple(f"sqlite:///{directory / f'{name}.db'}" for name in ("service", "bare"))
    else:
        programs = postgresql.programs()
        if programs is None:
            sys.exit("there is no PostgreSQL server: scripts/debian-packages.sh postgresql")
        url = stack.enter_context(postgresql.server(programs, durable=True))
        for name in ("service", "bare"):
            postgresql.execute(url.format("postgres"), f"CREATE DATABASE {name}")
        found = (url.format("service"), url.format("bare"))
    for each in found:
        engine = open_engine(each)
        migrate(engine)
        engine.dispose()
    return found[0], found[1]


def measure(store: str, documents: int, *, seconds: float, rounds: int) -> tuple[str, bool]:
    """Return a line of the table, and whether the goals are met."""
    made, ratios, http, inserts, groups = contents(documents), [], [], [], []
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="ingest-"))
        stack.callback(shutil.rmtree, directory)
        ours, theirs = databases(store, directory, stack)
        insert = (sqlite_insert if store == "sqlite" else postgresql_insert)(theirs, stack)
        port, process = stack.enter_context(living(ours, directory))
        over_http(port, made, seconds / 2)  # caches, connections
        for _ in range(rounds):
            one = over_http(port, made, seconds)
            other = bare(insert, made, seconds, one.requests_a_commit)
            http.append(one.reports_per_second)
            groups.append(one.requests_a_commit)
            inserts.append(other)
            ratios.append(one.reports_per_second / other)
        mib = process.memory_info().rss / 2**20
    middle = statistics.median
    holds = (documents < BATCH_SIZE or middle(ratios) >= GOAL_RATIO) and mib <= GOAL_MIB
    line = (
        f"| {store} | {documents} | {middle(http):,.0f} | {middle(inserts):,.0f} | {middle(groups):.1f} "
        f"| {middle(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) | {mib:.0f} |"
    )
    return line, holds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--documents", type=int, nargs="+", default=[1, BATCH_SIZE])
    parser.add_argument("--store", nargs="+", default=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    print("| store | reports a request | reports/s over HTTP | bare, reports/s | requests a commit | ratio | MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    good = True
    for store in arguments.store:
        for documents in arguments.documents:
            line, holds = measure(store, documents, seconds=arguments.seconds, rounds=arguments.rounds)
            good = good and holds
            print(line, flush=True)
    print(f"\nGoals: ratio at least {GOAL_RATIO} from {BATCH_SIZE} reports a request on, at most {GOAL_MIB:.0f} MiB.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
