"""A real agent in a process of its own, with a state directory, a service and a configuration of its own."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.delivery.service import Handler, Seen, accept

PROGRAM = str(Path(sys.executable).with_name("telemetry-agent"))
CONSENT = {
    "timestamp": "2024-01-01T00:00:00Z",
    "version": "1.0",
    "privacy_policy_url": "https://corrective-drift.com/privacy",
}
INTERVAL_SECONDS = {"report": 3600.0, "probe": 86_400.0}
RELEASE = {"week": "2026-W47", "metrics": {}}
# Generous: a shared machine may take ten times as long as an idle one.
PATIENCE_SECONDS = 60.0


def serve_all(handler: Handler, seen: Seen) -> None:
    """Do what the service does with each of its calls."""
    if seen.path == "/v1/baselines":
        handler.reply(200, json.dumps(RELEASE).encode())
    elif seen.path == "/v1/collect":
        accept(handler, seen)
    else:
        handler.reply(200, b"{}")


class Place:
    """A configuration and a state directory, and commands that are run on them."""

    def __init__(self, directory: Path, service: str, ca_bundle: Path | None = None) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.config = directory / "config.yaml"
        self.port = _free_port()
        self.telemetry: dict[str, Any] = {
            "enabled": True,
            "privacy_level": "standard",
            "endpoint": f"{service}/v1/collect",
            "ca_bundle": None if ca_bundle is None else str(ca_bundle),
            "state_dir": str(self.state),
            "listen": f"127.0.0.1:{self.port}",
            "flush_interval_seconds": 1,
            "retry_backoff_seconds": 1,
        }
        self.consent: dict[str, Any] | None = dict(CONSENT)
        self.probes: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.write()

    def write(self, **telemetry: Any) -> None:
        """Write the configuration, with these keys changed."""
        self.telemetry |= telemetry
        sections: dict[str, Any] = {"telemetry": self.telemetry, "probes": self.probes}
        if self.consent is not None:
            sections["consent"] = self.consent
        self.config.write_text(yaml.safe_dump(sections))

    def run(self, *arguments: str, before: tuple[str, ...] = (), **streams: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return self.run_program(*before, PROGRAM, "--config", str(self.config), *arguments, **streams)

    def run_program(self, *command: str, **streams: Any) -> "subprocess.CompletedProcess[str]":
        """Run any program here."""
        return subprocess.run(
            command,
            cwd=self.directory,
            env=environment(self.variables),
            text=True,
            timeout=110,
            check=False,
            **({"capture_output": True} | streams),
        )

    def make_due(self, task: str = "report", *, in_seconds: float = -1.0) -> None:
        """Have a task due at the daemon's start, as one that was missed."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        timetable = {
            "interval_seconds": INTERVAL_SECONDS[task],
            "due_at": (datetime.now(UTC) + timedelta(seconds=in_seconds)).isoformat(),
            "jitter_seconds": 0.0,
            "last_at": None,
        }
        (self.state / "schedule.json").write_text(json.dumps({task: timetable}))

    def schedule(self) -> dict[str, Any]:
        kept: dict[str, Any] = json.loads((self.state / "schedule.json").read_text())
        return kept

    def audit(self) -> list[str]:
        """The names of the events of the trail."""
        return [json.loads(line)["event"] for line in (self.state / "audit.jsonl").read_text().splitlines()]

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run("status", "--format", "json").stdout)
        return told


class Agent:
    """The daemon; it is killed at the end of the block unless it has ended."""

    def __init__(self, place: Place, *, before: tuple[str, ...] = ()) -> None:
        self.place = place
        self._log = place.directory / f"log-{time.monotonic_ns()}"
        with self._log.open("w") as log:
            self.process = psutil.Popen(
                [*before, PROGRAM, "--config", str(place.config)],
                cwd=place.directory,
                env=environment(place.variables),
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> tuple[int, str]:
        """Ask it; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric by the prometheus client's own parser, 0 where it has none."""
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == f"prism_telemetry_{name}" and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return 0.0

    def wait_until(self, holds: Callable[[], Any]) -> Any:
        """Return what `holds` returns as soon as that is true."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while not (found := holds()):
            assert self.process.is_running(), f"the agent has ended: {self.log}"
            assert self.process.status() != psutil.STATUS_ZOMBIE, f"the agent has ended: {self.log}"
            assert time.monotonic() < ends_at, f"what was waited for never came: {self.log}"
            time.sleep(0.1)
        return found

    def wait_ready(self) -> None:
        self.wait_until(lambda: self.get("/readyz")[0] == 200)

    def wait_paused(self, reason: str) -> None:
        self.wait_until(lambda: self.get("/readyz") == (503, f"paused: {reason}\n"))

    def wait_for_child(self, task: str) -> psutil.Process:
        """Return the process of a task once it is there."""

        def found() -> Iterator[psutil.Process]:
            for child in self.process.children():
                with suppress(psutil.Error):
                    if "agent.daemon.child" in child.cmdline() and task in child.cmdline():
                        yield child

        child: psutil.Process = self.wait_until(lambda: next(found(), None))
        return child

    def stop(self) -> int:
        """Stop it in order; ten seconds are promised."""
        self.process.send_signal(signal.SIGTERM)
        code: int = self.process.wait(timeout=10)
        return code


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without anything that concerns the agent."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("TELEMETRY_", "KUBE", "DO_NOT_TRACK")) and not name.lower().endswith("_proxy")
    }
    return kept | {"NO_COLOR": "1"} | dict(variables)


def as_first_process() -> tuple[str, ...]:
    """What goes before a command to make it the first process of a namespace, as a container's is."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root may begin a namespace of processes")
    return ("unshare", "--pid", "--fork", "--kill-child")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
