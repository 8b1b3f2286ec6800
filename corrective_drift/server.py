"""Serving the application until told to stop: TLS 1.3, or plain HTTP for a proxy on the same machine."""

import contextlib
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from agent.address import is_loopback
from corrective_drift.app import create_app
from corrective_drift.errors import InvalidOption, Unusable
from corrective_drift.log import Event
from corrective_drift.protocol import Bounded
from corrective_drift.service import Service

# Kubernetes grants 30 s between SIGTERM and SIGKILL.
_GRACE_SECONDS = 20
_BACKLOG = 2048
# The writer wakes up after each flush of the disk, and should not wait 5 ms, Python's default, for the event loop.
_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen, and how."""

    host: str = "127.0.0.1"
    port: int = 8443
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    """Whether a proxy that speaks TLS stands before us, so that plain HTTP may leave this machine."""

    def __post_init__(self) -> None:
        if (self.certificate is None) is not (self.key is None):
            raise InvalidOption("--tls-cert and --tls-key belong together: give both, or neither")
        if self.certificate is None and not self.behind_proxy and not is_loopback(self.host):
            raise InvalidOption(
                f"--host {self.host} would serve in the clear: give --tls-cert and --tls-key, or --behind-proxy"
            )


def serve(service: Service, address: Address) -> None:
    """Serve until SIGTERM or SIGINT; what was taken is answered first. Raises InvalidOption and Unusable."""
    with listening(address) as listener:
        prepared(service, address, listener).run(sockets=[listener])


def prepared(service: Service, address: Address, listener: socket.socket) -> uvicorn.Server:
    """Return a server that is ready to run on a socket. Raises InvalidOption."""
    tls = None if address.certificate is None else _tls(address)
    sys.setswitchinterval(_SWITCH_SECONDS)
    server = _Server(_config(create_app(service), tls))
    server.service, server.port = service, listener.getsockname()[1]
    _silence()
    return server


class _Server(uvicorn.Server):
    service: Service
    port: int

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.service.log.say(Event.STARTED, port=self.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.log.say(Event.STOPPING)
        await super().shutdown(sockets)
        self.service.log.say(Event.STOPPED)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the usual signals, and end with exit code 0 then: uvicorn would die by the signal in the end."""
        if threading.current_thread() is not threading.main_thread():
            yield  # whoever runs us in a thread stops us by `should_exit`
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _config(app: ASGIApp, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Bounded,
        loop="uvloop",
        ws="none",
        lifespan="on",
        # What uvicorn logs has addresses in it.
        log_config=None,
        access_log=False,
        # Where a request came from is none of our business, and what a proxy says about it neither.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        backlog=_BACKLOG,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )


def _tls(address: Address) -> ssl.SSLContext:
    assert address.certificate is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # An agent never resumes a session: each of its requests has a connection of its own.
    context.num_tickets = 0
    try:
        context.load_cert_chain(address.certificate, address.key)
    except OSError as error:
        raise InvalidOption(
            f"can't use --tls-cert {address.certificate} with --tls-key {address.key} "
            f"({error.strerror or 'no certificate and key that fit'}): both must be PEM files"
        ) from error
    return context


@contextlib.contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """Yield a socket that is bound. Raises InvalidOption and Unusable."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidOption(f"--host {address.host} can't be listened on ({error.strerror})") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(where)
        except OSError as error:
            raise Unusable(f"port {address.port} can't be listened on ({error.strerror}): see --port") from error
        yield listener


def _silence() -> None:
    """Keep everybody else's loggers from standard error; what matters is said by `corrective_drift.log`."""
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
