"""How fast the service takes reports over HTTP, against bare inserts of the same rows, on SQLite and on PostgreSQL.

    python benchmarks/ingest.py [--seconds N] [--rounds N]

Both ways are measured in turns (A B A B ...), each on a database of its own that flushes every commit to the disk; the
ratio is the median of those of the pairs. The bare way is the driver's `executemany`, with the rows ready made, and as
many requests' rows in a transaction as the service had in one. The service unpacks, checks, stores and signs, while the
requests are made by another process on the same cores (`ingest_load`). A request of one report is shown beside those
of a hundred (an agent's `batch_size`); there HTTP is measured. Last, one report a request as agents send it: each by a
connection of its own, over TLS 1.3. Ends with 1 where a goal was missed: the ratio at a hundred reports a request, the
memory throughout, and as many requests as a million clusters make that report hourly.
"""

import argparse
import asyncio
import multiprocessing
import os
import shutil
import sqlite3
import ssl
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import psutil
import psycopg
import uvloop
from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.ingest_load import DAY, Content, contents, load, load_apart
from corrective_drift.limits import Rate
from corrective_drift.log import standard_log
from corrective_drift.receipts import load_signer
from corrective_drift.server import Address, listening, prepared
from corrective_drift.service import Service, Settings
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import migrate
from probes.process import die_with_parent
from tests.corrective_drift import postgresql
from tests.corrective_drift.running import Files, certificates

GOAL_RATIO, GOAL_MIB = 0.4, 200.0
MILLION_HOURLY = 1e6 / 3600
BATCH_SIZE = 100
_RATE = Rate(per_second=1e9, burst=1_000_000_000)


@dataclass(frozen=True)
class Measured:
    """One turn of the service."""

    reports_per_second: float
    requests_a_commit: float


def live(database: str, directory: Path, tls: Files | None, told: Connection) -> None:
    """Be the service, until killed."""
    die_with_parent(os.getppid())
    service = Service(
        engine=open_engine(database),
        signer=load_signer(directory / "signing-key.pem"),
        log=standard_log(),
        settings=Settings(own_rate=_RATE, shared_rate=_RATE),
        today=lambda: DAY,
    )
    named = {} if tls is None else {"certificate": tls.certificate, "key": tls.key}
    address = Address(port=0, **named)
    with listening(address) as listener:
        told.send(listener.getsockname()[1])
        prepared(service, address, listener).run(sockets=[listener])


@contextmanager
def living(database: str, directory: Path, tls: Files | None = None) -> Iterator[tuple[int, psutil.Process]]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=live, args=(database, directory, tls, there))
    process.start()
    try:
        port = here.recv()
        assert process.pid is not None
        wait_until_ready(port, tls)
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.join()


def wait_until_ready(port: int, tls: Files | None) -> None:
    scheme, verify = ("http", True) if tls is None else ("https", trusting(tls))
    with httpx.Client(base_url=f"{scheme}://localhost:{port}", verify=verify) as client:
        while True:
            try:
                client.get("/readyz").raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return


def trusting(tls: Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=tls.ca)


def commits(port: int) -> tuple[float, float]:
    """Return how many transactions there were, and requests in them."""
    told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    values = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    return float(values["corrective_drift_commit_requests_count"]), float(
        values["corrective_drift_commit_requests_sum"]
    )


def over_http(port: int, made: Sequence[Content], seconds: float) -> Measured:
    before = commits(port)
    rate = per_second(load(port, made, seconds))
    after = commits(port)
    return Measured(rate, (after[1] - before[1]) / max(1.0, after[0] - before[0]))


def per_second(loading: Coroutine[None, None, int]) -> float:
    begun = time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reports = runner.run(loading)
    return reports / (time.perf_counter() - begun)


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


def measure_apart(store: str, *, seconds: float, rounds: int) -> tuple[str, bool]:
    """Return a line about connections of their own, and whether the goals are met."""
    made, rates, costs = contents(1), [], []
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="ingest-"))
        stack.callback(shutil.rmtree, directory)
        ours, _ = databases(store, directory, stack)
        tls = certificates(directory)
        port, process = stack.enter_context(living(ours, directory, tls))
        for _ in range(rounds):
            before = sum(process.cpu_times()[:2])
            rates.append(per_second(load_apart(port, made, seconds, trusting(tls))))
            costs.append((sum(process.cpu_times()[:2]) - before) / (rates[-1] * seconds))
        mib = process.memory_info().rss / 2**20
    rate = statistics.median(rates)
    line = (
        f"{store}: {rate:,.0f} reports/s ({min(rates):,.0f}-{max(rates):,.0f}), of which each costs the service "
        f"{statistics.median(costs) * 1000:.2f} ms of a core; {mib:.0f} MiB."
    )
    return line, rate >= MILLION_HOURLY and mib <= GOAL_MIB


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
    print("\nOne report a request, each by a connection of its own over TLS 1.3:\n")
    for store in arguments.store:
        line, holds = measure_apart(store, seconds=arguments.seconds, rounds=arguments.rounds)
        good = good and holds
        print(line, flush=True)
    print(
        f"\nGoals: ratio at least {GOAL_RATIO} from {BATCH_SIZE} reports a request on, at most {GOAL_MIB:.0f} MiB, "
        f"and {MILLION_HOURLY:.0f} requests a second."
    )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
