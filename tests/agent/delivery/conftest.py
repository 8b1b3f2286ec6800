"""A service with a certificate of its own authority, and an outbox on a clock that is moved by hand."""

import random
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from agent.delivery.audit import Trail
from agent.delivery.outbox import Limits, Outbox, opened
from tests.agent.delivery.parts import WEEK, SimulatedTime
from tests.agent.delivery.service import Service, serving


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.issue_cert("localhost", "telemetry.example").configure_cert(context)
    return context


@pytest.fixture
def service(server_tls: ssl.SSLContext) -> Iterator[Service]:
    with serving(server_tls) as running:
        yield running


@pytest.fixture
def time() -> SimulatedTime:
    return SimulatedTime()


@pytest.fixture
def outbox_path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(outbox_path: Path, time: SimulatedTime) -> Iterator[Outbox]:
    with opened(outbox_path, Limits(age_seconds=WEEK), clock=time.clock(), rng=random.Random(7)) as box:
        yield box


@pytest.fixture
def trail(tmp_path: Path, time: SimulatedTime) -> Trail:
    return Trail(tmp_path / "audit.jsonl", now=time.now)
