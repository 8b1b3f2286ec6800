"""How fast the outbox takes documents for good, beside bare SQLite with the same pragmas, interleaved.

    python benchmarks/outbox.py [--rounds N] [--seconds S] [--directory DIR]

Each append is one transaction that is flushed to the disk before the next begins. The goal is 2 000 appends a second,
or 0.7 of what bare SQLite reaches: a disk that flushes slowly slows both.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.delivery.outbox import Limits, opened
from agent.levels import Level
from agent.privacy.outgoing import Outgoing

RATE_GOAL = 2000.0
RATIO_GOAL = 0.7
# A standard document is this long.
DOCUMENT = Outgoing(level=Level.STANDARD, body=b'{"x":"' + b"y" * 2000 + b'"}', schema_digest="ab" * 32, alone=False)


def rate(append: Callable[[], None], seconds: float) -> float:
    begun = time.perf_counter()
    count = 0
    while (passed := time.perf_counter() - begun) < seconds:
        append()
        count += 1
    return count / passed


def bare_rate(path: Path, seconds: float) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS documents (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")

        def append() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO documents (body) VALUES (?)", (DOCUMENT.body,))
            connection.execute("COMMIT")

        return rate(append, seconds)


def outbox_rate(path: Path, seconds: float) -> float:
    with opened(path, Limits(age_seconds=86_400, documents=10**6, bytes=2**34)) as outbox:
        return rate(lambda: outbox.put([DOCUMENT], consent_digest="c0" * 16), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--directory", type=Path, help="on the disk that is meant; a temporary directory otherwise")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        pairs = [
            (
                outbox_rate(Path(directory) / f"outbox-{number}", arguments.seconds),
                bare_rate(Path(directory) / f"bare-{number}", arguments.seconds),
            )
            for number in range(arguments.rounds)
        ]
    ours = statistics.median(each for each, _ in pairs)
    bare = statistics.median(each for _, each in pairs)
    ratio = statistics.median(one / other for one, other in pairs)
    print("| durable appends, median | seen | goal |\n|---|---:|---:|")
    print(f"| outbox | {ours:,.0f} /s | ≥ {RATE_GOAL:,.0f} /s |")
    print(f"| bare SQLite, same pragmas | {bare:,.0f} /s | |")
    print(f"| outbox by bare SQLite, median of {arguments.rounds} pairs | {ratio:.2f} | or ≥ {RATIO_GOAL} |")
    sys.exit(0 if ours >= RATE_GOAL or ratio >= RATIO_GOAL else 1)


if __name__ == "__main__":
    main()
