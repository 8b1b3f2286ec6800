"""The service's side of delivery: a real HTTPS server that does whatever a test tells it, and keeps a ledger.

It counts as the real service does: a batch is known by its Idempotency-Key; the same key with the same body gets the
same receipt again, with another body 422.
"""

import gzip
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behavior = Callable[["Handler", "Seen"], None]


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def documents(self) -> list[Any]:
        documents: list[Any] = json.loads(gzip.decompress(self.body))["documents"]
        return documents


@dataclass
class Service:
    """What the server was told to do, and what it saw."""

    url: str
    closing: threading.Event = field(default_factory=threading.Event)
    script: deque[Behavior] = field(default_factory=deque)
    """What is done with the next requests; then `otherwise`."""
    otherwise: Behavior = field(default_factory=lambda: accept)
    seen: list[Seen] = field(default_factory=list)
    ledger: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    """Key -> body and receipt."""
    counted: list[Any] = field(default_factory=list)
    """Each document of each batch, once for each time that it was counted."""
    heads: list[str] = field(default_factory=list)
    """The ends of the audit trail that came with accepted batches."""
    conflicts: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    connections: int = 0
    cut_short: int = 0
    """Requests that ended before their bodies did."""
    stall_before_tls: bool = False

    def take(self, seen: Seen) -> tuple[int, bytes]:
        with self.lock:
            if seen.key in self.ledger:
                body, receipt = self.ledger[seen.key]
                if body != seen.body:
                    self.conflicts.append(seen.key)
                    return 422, b"{}"
                return 200, receipt
            documents = seen.documents
            receipt = json.dumps(
                {
                    "receipt": f"r{len(self.ledger)}",
                    "batch": seen.key,
                    "accepted": len(documents),
                    "received_at": "2026-01-01T00:00:00Z",
                }
            ).encode()
            self.ledger[seen.key] = seen.body, receipt
            self.counted += documents
            if "prism-audit-head" in seen.headers:
                self.heads.append(seen.headers["prism-audit-head"])
            return 201, receipt


class Server(ThreadingHTTPServer):
    daemon_threads = False
    service: Service
    tls: ssl.SSLContext | None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.settimeout(30)
        self.service.connections += 1
        if self.tls is not None:
            # The handshake happens with the first read, in the handler's thread: one that hangs must not stop others.
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up, are killed, and refuse certificates: that is what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        if self.server.service.stall_before_tls:
            self.server.service.closing.wait(60)
        super().setup()

    def _any(self) -> None:
        service = self.server.service
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            # Its sender was killed between head and body: that is no request, and no other body under an old key.
            service.cut_short += 1
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, body, service.connections)
        with service.lock:
            service.seen.append(seen)
            behavior = service.script.popleft() if service.script else service.otherwise
        behavior(self, seen)

    do_GET = do_POST = do_DELETE = _any  # noqa: N815  # the library's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        pass

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        """Break the connection off as a crash does, with RST."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def accept(handler: Handler, seen: Seen) -> None:
    handler.reply(*handler.server.service.take(seen))


def answer(status: int, body: bytes = b"", **headers: str) -> Behavior:
    def behave(handler: Handler, seen: Seen) -> None:
        handler.reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    return behave


def lose_answer(handler: Handler, seen: Seen) -> None:
    """Accept, and break off before anything of it is said."""
    handler.server.service.take(seen)
    handler.reset()


def break_off(handler: Handler, seen: Seen) -> None:
    """Accept, and break off in the middle of the receipt."""
    status, body = handler.server.service.take(seen)
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.reset()


def stay_silent(handler: Handler, seen: Seen) -> None:
    """Half open: the request is taken off the wire, and that is all."""
    handler.server.service.closing.wait(60)
    handler.close_connection = True


def drip(handler: Handler, seen: Seen) -> None:
    """Answer a byte at a time, each soon enough for any limit on single reads."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.service.closing.wait(0.02):
        handler.wfile.write(b" ")


def flood(handler: Handler, seen: Seen) -> None:
    """Answer without end."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    while not handler.server.service.closing.is_set():
        handler.wfile.write(b" " * 65536)


@contextmanager
def serving(tls: ssl.SSLContext | None) -> Iterator[Service]:
    server = Server(("127.0.0.1", 0), Handler)
    server.tls = tls
    server.service = Service(f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.service
    finally:
        server.service.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
