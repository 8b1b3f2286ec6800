"""The service, really listening: in a thread of the tests, over TLS, and the agent's own client to ask it."""

import io
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import trustme
from sqlalchemy import Engine

from agent.delivery.endpoint import Endpoint
from agent.delivery.send import Client
from agent.wire.fields import schema_digest
from corrective_drift.log import Log
from corrective_drift.receipts import load_signer
from corrective_drift.server import Address, listening, prepared
from corrective_drift.service import Service, Settings
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import migrate
from tests.corrective_drift.documents import CONSENT

TODAY = date(2026, 11, 20)


@dataclass
class Calendar:
    """The service's day, moved by hand."""

    today: date = TODAY


@dataclass(frozen=True, kw_only=True)
class Files:
    """Of a certificate authority of the tests' own."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(kw_only=True)
class Running:
    """A service that answers."""

    url: str
    service: Service
    calendar: Calendar
    http: httpx.Client
    files: Files
    said: io.StringIO

    def client(self, token: str | None) -> Client:
        """The agent's client."""
        return Client(Endpoint(service=self.url, ca_bundle=self.files.ca, token=token), may_send=lambda: None)

    def collect(self, body: bytes, batch_id: str, token: str | None = None, **headers: str) -> httpx.Response:
        """Send a body that is not compressed."""
        named = {"content-type": "application/json", "idempotency-key": batch_id, "prism-schema": schema_digest()}
        if token is not None:
            named |= {"authorization": f"Bearer {token}", "prism-consent": CONSENT}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post("/v1/collect", content=body, headers=named)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the log has said."""
        return [json.loads(line) for line in self.said.getvalue().splitlines()]


def certificates(directory: Path) -> Files:
    """Make a certificate for localhost, and the authority that it comes from."""
    made = Files(ca=directory / "ca.pem", certificate=directory / "tls.crt", key=directory / "tls.key")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(made.ca)
    issued.private_key_pem.write_to_path(made.key)
    for part in issued.cert_chain_pems:
        part.write_to_path(made.certificate, append=True)
    return made


@contextmanager
def running(engine: Engine, files: Files, directory: Path, settings: Settings | None = None) -> Iterator[Running]:
    """Run a service until the block ends, which must end it within its own time."""
    said, calendar = io.StringIO(), Calendar()
    service = Service(
        engine=engine,
        signer=load_signer(directory / "signing-key.pem"),
        log=Log("json", said),
        settings=settings or Settings(),
        today=lambda: calendar.today,
    )
    address = Address(port=0, certificate=files.certificate, key=files.key)
    with listening(address) as listener:
        server = prepared(service, address, listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.005)
            url = f"https://localhost:{listener.getsockname()[1]}"
            with httpx.Client(base_url=url, verify=_trusting(files), timeout=60) as http:
                yield Running(url=url, service=service, calendar=calendar, http=http, files=files, said=said)
        finally:
            server.should_exit = True
            thread.join(timeout=60)
            assert not thread.is_alive()


@contextmanager
def running_on_sqlite(
    files: Files, directory: Path, fill: Callable[[Engine], object] | None = None
) -> Iterator[Running]:
    """Run a service over a new SQLite store, filled first."""
    engine = open_engine(f"sqlite:///{directory / 'store.db'}")
    migrate(engine)
    if fill is not None:
        fill(engine)
    with running(engine, files, directory) as one:
        yield one
    engine.dispose()


def _trusting(files: Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files.ca)
