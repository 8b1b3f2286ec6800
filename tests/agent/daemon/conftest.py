"""A place for an agent, a service that takes its reports, and strace."""

import shutil
from pathlib import Path

import pytest

from tests.agent.daemon.parts import Place, serve_all
from tests.agent.delivery.conftest import authority, ca_bundle, server_tls, service
from tests.agent.delivery.service import Service

__all__ = ["authority", "ca_bundle", "server_tls", "service"]


@pytest.fixture
def place(tmp_path: Path, service: Service, ca_bundle: Path) -> Place:
    service.otherwise = serve_all
    return Place(tmp_path, service.url, ca_bundle)


@pytest.fixture
def strace(tmp_path: Path) -> tuple[str, ...]:
    """What goes before a command so that each of its calls about the network is in the file `strace`."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not here: `make test` installs it where it may")
    # Only traced calls stop the process (seccomp), so that it hardly costs time.
    return ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=network", "-o", str(tmp_path / "strace"))
