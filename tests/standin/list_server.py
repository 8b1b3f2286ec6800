"""An HTTPS API server of prepared bytes: lists of any size cost it nothing, and it breaks off where it is told to.

Unlike the stand-in it knows no objects: a function says what each request is answered with.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import trustme

Query = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request is answered with."""

    body: bytes
    code: int = 200
    sent_bytes: int | None = None
    """Of the body only so much is sent; None sends all."""
    hangs: bool = False
    """Whether the connection then stays open and silent, instead of being dropped."""
    framed: bool = False
    """Whether the body is in chunks already, with its end."""
    plain: bool = False
    """Whether the body is sent with its length and not in chunks."""
    pause_seconds: float = 0.0
    """Between pieces of a kilobyte, which makes it drip."""


Answering = Callable[[str, Query], Answer]


def status(code: int, reason: str = "", message: str = "") -> Answer:
    """Return an error as the API tells it."""
    told = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message}
    return Answer(body=json.dumps(told | {"code": code}).encode(), code=code)


class ListServer(ThreadingHTTPServer):
    """Serves on loopback; `requests` tells what was asked for."""

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, answering: Answering, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answering = answering
        self.requests: list[str] = []
        self.accepted: list[str] = []
        """The `Accept` header of each request."""
        self.connections = 0
        self.stopping = threading.Event()
        self._tls = tls

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            secured = self._tls.wrap_socket(request, server_side=True)
        except OSError:
            self.shutdown_request(request)
            return
        self.connections += 1
        super().process_request_thread(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go as they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ListServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.requests.append(self.path)
        self.server.accepted.append(self.headers.get("Accept", ""))
        answer = self.server.answering(url.path, dict(parse_qsl(url.query)))
        self.send_response(HTTPStatus(answer.code))
        self.send_header("Content-Type", "application/json")
        if answer.plain:
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            return
        # As the API server does with answers that are longer than its buffer.
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if answer.framed:
            self.wfile.write(answer.body)
            return
        body = answer.body if answer.sent_bytes is None else answer.body[: answer.sent_bytes]
        self._send(body, answer.pause_seconds)
        if answer.sent_bytes is None:
            self.wfile.write(b"0\r\n\r\n")
            return
        if answer.hangs:
            self.server.stopping.wait()
        self.close_connection = True

    def _send(self, body: bytes, pause_seconds: float) -> None:
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)] if pause_seconds else [body]
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n" % len(piece))
                self.wfile.write(piece)
                self.wfile.write(b"\r\n")
            if pause_seconds and self.server.stopping.wait(pause_seconds):
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Requests are kept in `ListServer.requests`."""


@contextmanager
def serving_lists(answering: Answering, directory: Path) -> Iterator[tuple[ListServer, Path]]:
    """Serve until the block ends; the second is a kubeconfig, which is written to `directory`."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(directory / "ca.pem")
    server = ListServer(answering, tls)
    kubeconfig = directory / "kubeconfig"
    address = f"https://127.0.0.1:{server.server_address[1]}"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {"name": "c", "cluster": {"server": address, "certificate-authority": str(directory / "ca.pem")}}
                ],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "c",
            }
        )
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server, kubeconfig
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
