"""The HTTPS server that stands for Kubernetes' API server: sockets, TLS, authentication and framing."""

import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tests.standin import watching
from tests.standin.api import Api, Reply, Target, target_of, verb_of
from tests.standin.problem import Problem


class Server(ThreadingHTTPServer):
    """Serves `api` on loopback. Clients show a certificate of ours, or `token`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: Api, tls: ssl.SSLContext, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api
        self.token = token
        self.requests: list[str] = []
        """Method and path of every request so far."""
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a slow client keeps nobody else waiting."""
        try:
            secured = self._tls.wrap_socket(request, server_side=True)
        except OSError:
            self.shutdown_request(request)
            return
        with self._lock:
            self._open.add(secured)
        try:
            super().process_request_thread(secured, client_address)
        finally:
            with self._lock:
                self._open.discard(secured)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go as they like; what is wrong with the stand-in itself is answered with 500."""

    def close_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve in a thread of its own until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.close_connections()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.server.requests.append(f"{self.command} {self.path}")
        try:
            self._authenticate()
            target = target_of(url.path)
            if target and verb_of(self.command, target, query) == "watch":
                self._stream(target, watching.lines(self.server.api, target, query))
            elif target and target.subresource == "log" and query.get("follow") == "true":
                self._stream(target, watching.log(self.server.api, target, query), verb="get")
            else:
                self._send(self.server.api.answer(self.command, url.path, query, body))
        except Problem as problem:
            self._send(Reply(content=problem.status, code=problem.code, headers=problem.headers))
        except ConnectionAbortedError:
            # Closed without the farewell of TLS, as by a network that fails.
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            sentence = f"the stand-in can't read this: {type(error).__name__}: {error}"
            self._send(Reply(content=Problem(400, "BadRequest", sentence).status, code=400))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - names that http.server calls

    def _authenticate(self) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        by_certificate = bool(self.connection.getpeercert())
        by_token = self.headers.get("Authorization", "").lower() == f"bearer {self.server.token}".lower()
        if not by_certificate and not by_token:
            raise Problem(401, "Unauthorized", "Unauthorized")

    def _send(self, reply: Reply) -> None:
        content = reply.content if isinstance(reply.content, bytes) else msgspec.json.encode(reply.content)
        self.send_response(HTTPStatus(reply.code))
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, target: Target, pieces: Iterator[bytes], *, verb: str = "watch") -> None:
        """Send what comes as it comes. What stands against it is answered before the first piece."""
        self.server.api.check(verb, target)
        first = next(pieces, b"")
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in itertools.chain([first], pieces):
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            elif self._is_gone():
                return
        self.wfile.write(b"0\r\n\r\n")

    def _is_gone(self) -> bool:
        """Whether the client has closed its end. Nothing but that can be read while it watches."""
        self.connection.settimeout(0)
        try:
            return self.connection.recv(1) == b""
        except ssl.SSLWantReadError:
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(None)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Requests are kept in `Server.requests`."""
