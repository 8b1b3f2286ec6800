"""Requests made out of the service's own OpenAPI document, by schemathesis with all of its checks.

    python -m tests.corrective_drift.openapi_cases [--examples N] [--quick] [--store sqlite|postgresql|both]

On each store once while it is empty, and once more for what a cluster that has reported may read. Prints what
schemathesis says; ends with 1 where anything was answered otherwise than the document says, or a request met a mistake
of ours.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from corrective_drift.limits import Rate
from corrective_drift.service import Settings
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import migrate
from tests.corrective_drift.documents import document, keys
from tests.corrective_drift.running import TODAY, Files, Running, certificates, running
from tests.corrective_drift.stores import add_store_option, databases

PROGRAM = Path(sys.executable).with_name("schemathesis")
_RATE = Rate(per_second=1e6, burst=1_000_000)
# JSON Schema can't say that rows are sorted, that shares sum up, that a day is in the calendar, or that a fragment has
# no Authorization: what is valid by the document may still be refused there, as 400 or 422. And whoever has erased a
# cluster is told so (410) under its consent of before: the examples are one cluster's.
_CONFIGURATION = """
[[operations]]
include-path = "/v1/consent"
checks.positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 409, 410]

[[operations]]
include-path = "/v1/collect"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 409, 410, 422]
"""


@dataclass(frozen=True, kw_only=True)
class Cases:
    """How it went."""

    requests: int
    failed: bool
    mistakes: int
    """Lines in the service's log about mistakes of ours."""
    told: str

    @property
    def holds(self) -> bool:
        return self.requests > 0 and not self.failed and not self.mistakes


def run(database: str, directory: Path, files: Files, *, examples: int, quick: bool) -> list[Cases]:
    """Ask a service over a database, which gets its tables first; `quick` leaves out what goes through all forms."""
    engine = open_engine(database)
    migrate(engine)
    phases = "examples,fuzzing" if quick else "examples,coverage,fuzzing"
    settings = Settings(own_rate=_RATE, shared_rate=_RATE)
    with running(engine, files, directory, settings) as service:
        made_up = _asked(service, directory, _CONFIGURATION, "--phases", phases, "-n", str(examples))
        batch = str(uuid.uuid4())
        answer = service.collect(b'{"documents":[' + document(1, TODAY) + b"]}", batch, keys(1).token)
        assert answer.status_code == 200, answer.text
        known = f'"path.cluster_id" = "{keys(1).cluster_id}"\n"path.receipt" = "{answer.json()["receipt"]}"\n'
        reading = ("--include-method", "GET", "--phases", "fuzzing", "--mode", "positive", "-n", str(examples))
        there = _asked(service, directory, f"[parameters]\n{known}{_CONFIGURATION}", *reading)
    engine.dispose()
    return [made_up, there]


def _asked(service: Running, directory: Path, configuration: str, *options: str) -> Cases:
    written = directory / "schemathesis.toml"
    written.write_text(configuration)
    before = len(service.events)
    arguments = ["--config-file", str(written), "run", f"{service.url}/openapi.json", "--checks", "all"]
    arguments += ["--tls-verify", str(service.files.ca), "--continue-on-failure", "--no-color", "--seed", "1", *options]
    arguments += ["-H", f"Authorization: Bearer {keys(1).token}"]
    ran = subprocess.run([PROGRAM, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    count = re.search(r"(\d+) generated", ran.stdout)
    return Cases(
        requests=int(count[1]) if count else 0,
        failed=ran.returncode != 0,
        mistakes=sum(event["event"] == "failed" for event in service.events[before:]),
        told=ran.stdout + ran.stderr,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=100, help="for each operation")
    parser.add_argument("--quick", action="store_true")
    add_store_option(parser)
    arguments = parser.parse_args()
    holds = True
    with tempfile.TemporaryDirectory(prefix="openapi-cases-") as name:
        directory = Path(name)
        files = certificates(directory)
        with databases(arguments.store, directory) as urls:
            for store, database in urls.items():
                cases = run(database, directory, files, examples=arguments.examples, quick=arguments.quick)
                for each in cases:
                    print(each.told)
                requests = sum(each.requests for each in cases)
                print(
                    f"{store}: {requests} requests, {sum(each.mistakes for each in cases)} mistakes of ours", flush=True
                )
                holds = holds and all(each.holds for each in cases)
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
