"""A network that gives up: every wait of a request, all together, ends by one deadline.

Time limits for each read alone let a server that sends a byte now and then hold a request for ever.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections that all end by `seconds` from now; for one request."""

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._backend = httpcore.SyncBackend()
        self._until = monotonic() + seconds
        self._monotonic = monotonic

    def left_seconds(self, timeout: float | None) -> float:
        """Return how long a step may take, `timeout` at most. Raises httpcore.ReadTimeout where no time is left."""
        left = self._until - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the request's time is over")
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers; all addresses share `timeout`."""
        until = self._monotonic() + self.left_seconds(timeout)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: no name at all, such as one of 70 letters
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for _family, _kind, _protocol, _name, address in found:
            left = until - self._monotonic()
            if left <= 0:
                raise httpcore.ConnectTimeout("no address answered in time") from failure
            try:
                stream = self._backend.connect_tcp(
                    str(address[0]), port, min(left, self.left_seconds(None)), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream, self)
        raise failure


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, backend: DeadlineBackend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._backend.left_seconds(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._backend.left_seconds(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._backend.left_seconds(timeout))
        return _DeadlineStream(stream, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
