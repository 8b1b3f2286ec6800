"""The whole way on this machine: a result, the report of it, a service that takes it, and what comes back.

A Corrective Drift of its own on loopback, with a throwaway certificate and an SQLite file; everything lies in one
directory, `make clean` removes it. On a terminal the service stays until Ctrl-C, so that its pages can be looked at.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
import httpx
import trustme
import yaml

from probes.process import die_with_parent

DIRECTORY = Path("results/whole-way")
CONFIG = DIRECTORY / "config.yaml"
AUTHORITY = DIRECTORY / "ca.pem"
COMMANDS = Path(sys.executable).parent
# A fresh interpreter, a fresh database and its migrations: seconds, but on a busy or slow machine far more.
_START_SECONDS = 120.0


def main(result: Path) -> int:
    """Go the whole way with a result of `probe run`; return 0, or 3 where a step could not be done."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    began = json.loads(result.read_text(encoding="utf-8"))["started_at"]
    with service() as address:
        CONFIG.write_text(yaml.safe_dump(configuration(address, began), sort_keys=False), encoding="utf-8")
        agent = [program("telemetry-agent"), "--config", str(CONFIG)]
        # What compares results has no configuration of its own.
        compare = ["env", f"TELEMETRY_CA_BUNDLE={AUTHORITY}", program("probe"), "compare", str(result)]
        steps = {
            "The report is sent (missing_api: this machine is no cluster)": [*agent, "once", "--results", str(result)],
            "What became of it": [*agent, "status"],
            "Compared with other clusters": [*compare, "--baseline", "community", "--service", address],
            "Recommended": [*agent, "recommendations", "--brief"],
        }
        failed = [name for name, command in steps.items() if not done(name, command)]
        if sys.stdout.isatty():
            title("The service's pages, until Ctrl-C")
            click.echo(f"{address}/\nYour browser will warn: the certificate was made for this trial.")
            click.echo(f"To sign in, ask for the token in another terminal:\n{typed([*agent, 'token'])}")
            with suppress(KeyboardInterrupt):
                signal.pause()
    click.echo(f"\nEverything of this trial is in {DIRECTORY}; `make clean` removes it.")
    return 3 if failed else 0


def program(name: str) -> str:
    """Return the path of a program of ours, as one would type it in the checkout."""
    return os.path.relpath(COMMANDS / name)


def done(name: str, command: list[str]) -> bool:
    """Carry a step out under its title."""
    title(name)
    click.echo(typed(command))
    # Baselines can be fetched again, so that they are kept in a cache; that of a trial goes with it.
    variables = os.environ | {"XDG_CACHE_HOME": str((DIRECTORY / "cache").resolve())}
    return subprocess.run(command, env=variables, check=False).returncode == 0


def title(text: str) -> None:
    """Begin a section."""
    click.secho(f"\n{text}", bold=True)


def typed(command: list[str]) -> str:
    """Return a command as a shell takes it."""
    return click.style(f"$ {shlex.join(command)}", dim=True)


def configuration(address: str, consented_at: str) -> dict[str, Any]:
    """Return the agent's: who goes the whole way consents to sending to a service of the own machine."""
    return {
        "telemetry": {
            "enabled": True,
            "privacy_level": "detailed",
            "endpoint": f"{address}/v1/collect",
            "ca_bundle": str(AUTHORITY.resolve()),
            "state_dir": str((DIRECTORY / "agent").resolve()),
        },
        "consent": {
            "timestamp": consented_at,
            "version": "1.0",
            "privacy_policy_url": "https://corrective-drift.com/privacy",
        },
    }


@contextmanager
def service() -> Iterator[str]:
    """Yield the address of a service; it ends with us, however we end."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(AUTHORITY)
    certificate.private_key_and_cert_chain_pem.write_to_path(DIRECTORY / "server.pem")
    port = free_port()
    pem = str(DIRECTORY / "server.pem")
    process = subprocess.Popen(
        [COMMANDS / "corrective-drift", "serve", "--state-dir", DIRECTORY / "service", "--port", str(port),
         "--tls-cert", pem, "--tls-key", pem],
        stderr=(DIRECTORY / "service.log").open("wb"),
        preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509  no other thread runs here
    )  # fmt: skip
    try:
        address = f"https://localhost:{port}"
        wait_until_ready(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the service answers. Raises SystemExit where it doesn't."""
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(verify=str(AUTHORITY)) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if client.get(f"{address}/readyz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise SystemExit(f"the service did not start: see {DIRECTORY / 'service.log'}")


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
