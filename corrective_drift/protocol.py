"""What a connection may cost while it has no request that is answered: uvicorn's HTTP, with bounds on bytes and time.

It also forgets the other end's address as soon as it is connected: nothing that handles a request can see it.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from corrective_drift.app import CROWDED
from corrective_drift.problems import malformed
from corrective_drift.routes.answers import problem_answer

# An agent's has 1 KiB; nginx refuses beyond 32 KiB (large_client_header_buffers, four of 8 KiB).
LARGEST_HEAD_BYTES = 32 * 1024
# For a head; or for what else comes while nothing is answered, such as the rest of a body that nobody wanted.
HEAD_SECONDS = 20.0
# Sent before the first of them is answered. Nobody but an attacker sends so: each costs a hundred times its bytes here.
MOST_PIPELINED = 16
MOST_CONNECTIONS = 512
"""Each may hold 64 KiB of a body; for more there is `room` for all together. Who comes beyond is told to come again."""
# After an answer that ends a connection: the other end should close it too, and need not be waited for. A long answer
# has as long for each part that it takes in.
LINGER_SECONDS = 3.0


class Bounded(HttpToolsProtocol):
    """Closes a connection whose request head is too long or too slow, or that keeps a place without a request."""

    _head_bytes = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None
    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a head."""
        super().connection_made(_Joining(transport, self.loop))  # type: ignore[arg-type]  # behaves like one
        self.client = None
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting, and hold nothing of it any more."""
        self._stop_waiting()
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; unless a head is complete by now, it counts as one.

        Uvicorn's own time for an idle connection ends at the next byte, also at one that begins no request.
        """
        super().data_received(data)
        if self._deadline is None and (self._in_head or not self._is_answering):
            self._wait_for_head()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD_BYTES:
                self.transport.abort()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, in its own form
        """Tell that this is no HTTP; but not where it would be taken for the answer to a request before it."""
        if self.pipeline or (self._in_head and self._is_answering):
            self.transport.abort()
            return
        told = problem_answer(malformed("this is no HTTP/1.1 (RFC 9112)"))
        self.app.count(told.status_code)  # it is an `app.Watch`
        headers = [*told.raw_headers, (b"connection", b"close")]
        head = b"".join(b"%s: %s\r\n" % each for each in headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%s\r\n%s" % (head, told.body))
        self.transport.close()
        self._end_soon()

    def on_message_begin(self) -> None:
        """Begin with the head of the next request on the connection; most come whole, and need no timer."""
        super().on_message_begin()
        self._stop_waiting()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Go on with what the head asks for."""
        self._stop_waiting()
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("too many at once")  # which stops the parser
        self._in_head = False
        self.scope[CROWDED] = len(self.connections) > MOST_CONNECTIONS  # type: ignore[literal-required]  # our own key
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Where this was the last answer, see that the connection ends."""
        super().on_response_complete()
        self._end_soon()

    def shutdown(self) -> None:
        """End as soon as nothing is being answered."""
        super().shutdown()
        self._end_soon()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_soon(self) -> None:
        if self._ending is None and self.transport.is_closing():
            self._ending = self.loop.call_later(LINGER_SECONDS, self._end, self.transport.get_write_buffer_size())

    def _end(self, unsent_bytes: int) -> None:
        self._ending = None
        if 0 < self.transport.get_write_buffer_size() < unsent_bytes:
            self._end_soon()
        else:
            self.transport.abort()

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Joining:
    """A transport that sends what is written in one turn of the event loop at once.

    Uvicorn writes the head and the body of an answer apart, which would be two system calls, and two records of TLS.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send something in the end of this turn."""
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)

    def close(self) -> None:
        """Close the connection after what was written."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._written:
            self._transport.write(b"".join(self._written))
            self._written.clear()
