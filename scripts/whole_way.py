"""The whole way on this machine: a result, the report of it, a service that takes it, and what comes back.

A Corrective Drift of its own on loopback, with a throwaway certificate and an SQLite file; everything lies in one
directory, `make clean` removes it. On a terminal the service stays until Ctrl-C, so that its pages can be looked at.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import trustme

from probes.process import die_with_parent

DIRECTORY = Path("results/whole-way")
COMMANDS = Path(sys.executable).parent
# A fresh interpreter, a fresh database and its migrations.
_START_SECONDS = 30.0


def main(result: Path) -> int:
    """Go the whole way with a result of `probe run`; return 0, or 3 where a step could not be done."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    began = json.loads(result.read_text(encoding="utf-8"))["started_at"]
    with service() as address:
        environment = os.environ | settings(address, began)
        steps = {
            "The report is sent": ["telemetry-agent", "once", "--results", str(result)],
            "What became of it": ["telemetry-agent", "status"],
            "Compared with the community": ["probe", "compare", str(result), "--baseline", "community"],
            "Recommended": ["telemetry-agent", "recommendations"],
        }
        failed = [title for title, command in steps.items() if not done(title, command, environment)]
        print(f"\nThe service's pages: {address}/ (sign in with what `telemetry-agent token` shows)", flush=True)
        print(f"Everything of it is in {DIRECTORY}; `make clean` removes it.", flush=True)
        if sys.stdout.isatty():
            print("The service goes on until Ctrl-C.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()
    return 3 if failed else 0


def done(title: str, command: list[str], environment: dict[str, str]) -> bool:
    """Carry a step out under its title."""
    print(f"\n{title}: {' '.join(command)}", flush=True)
    name, *arguments = command
    return subprocess.run([COMMANDS / name, *arguments], env=environment, check=False).returncode == 0


def settings(address: str, consented_at: str) -> dict[str, str]:
    """Return the agent's settings: who goes the whole way consents to sending to a service of the own machine."""
    return {
        "TELEMETRY_ENABLED": "true",
        "TELEMETRY_PRIVACY_LEVEL": "detailed",
        "TELEMETRY_ENDPOINT": f"{address}/v1/collect",
        "TELEMETRY_CA_BUNDLE": str((DIRECTORY / "ca.pem").resolve()),
        "TELEMETRY_STATE_DIR": str((DIRECTORY / "agent").resolve()),
        "TELEMETRY_CONSENT_TIMESTAMP": consented_at,
        "TELEMETRY_CONSENT_VERSION": "1.0",
        "TELEMETRY_CONSENT_PRIVACY_POLICY_URL": "https://corrective-drift.com/privacy",
        "XDG_STATE_HOME": str(DIRECTORY.resolve()),
    }


@contextmanager
def service() -> Iterator[str]:
    """Yield the address of a service; it ends with us, however we end."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(DIRECTORY / "ca.pem")
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
    with httpx.Client(verify=str(DIRECTORY / "ca.pem")) as client:
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
