"""Answers /metrics, /healthz and /readyz. Holds nothing that was collected, and writes no log of who asked."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agent.errors import StateUnusable

_TEXT = "text/plain; charset=utf-8"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
# A client that sends nothing must not keep a thread for ever.
_CLIENT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is asked for at each request; each returns at once."""

    metrics: Callable[[], bytes]
    stalled: Callable[[], bool]
    """Whether the loop has stopped turning: then only a restart helps."""
    unready: Callable[[], str | None]
    """Why nothing is collected or nothing can be sent, in a word; None where the agent works."""


@contextmanager
def answering(listen: str, health: Health) -> Iterator[int]:
    """Answer at `listen`, which is HOST:PORT or :PORT; yield the port. Raises StateUnusable where it is taken."""
    host, _, port = listen.rpartition(":")
    try:
        server = _server_at(host.strip("[]"), int(port), health)
    except OSError as error:
        raise StateUnusable(
            f"can't listen at {listen}: {error.strerror}: set telemetry.listen to an address that is free"
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _server_at(host: str, port: int, health: Health) -> "_Server":
    return (_ServerV6 if ":" in host else _Server)((host, port), _handler(health))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away: its address is nobody's business."""


class _ServerV6(_Server):
    address_family = socket.AF_INET6


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _CLIENT_SECONDS
        server_version, sys_version = "telemetry-agent", ""

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(200, health.metrics(), _PROMETHEUS)
                case "/healthz" if health.stalled():
                    self._answer(503, b"stalled\n")
                case "/healthz":
                    self._answer(200, b"ok\n")
                case "/readyz":
                    reason = health.unready()
                    text = "ok\n" if reason is None else f"paused: {reason}\n"
                    self._answer(200 if reason is None else 503, text.encode())
                case _:
                    self._answer(404, b"there are /metrics, /healthz and /readyz\n")

        def _answer(self, status: int, body: bytes, content_type: str = _TEXT) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Write nothing: http.server's lines hold addresses."""

    return Handler
