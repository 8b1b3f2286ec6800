"""Requests to the service, as fast as it answers them, from a client that does as little as one can.

What it costs is taken from the service, which runs on the same cores: the requests are ready made but for their keys,
and of an answer only its end and its status are read.
"""

import asyncio
import hashlib
import ssl
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from itertools import cycle

from agent.delivery.batch import compress, frame
from agent.wire.fields import schema_digest
from tests.corrective_drift.documents import CONSENT, document, keys

DAY = date(2026, 11, 20)
_CLUSTERS = 40
_CONNECTIONS = 48


@dataclass(frozen=True)
class Content:
    """What one cluster sends, again and again under new keys."""

    number: int
    texts: Sequence[bytes]
    body: bytes

    @cached_property
    def request(self) -> tuple[bytes, bytes]:
        """An HTTP request, before and after the batch's id."""
        head = (
            f"POST /v1/collect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(self.body)}\r\n"
            f"Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
            f"Authorization: Bearer {keys(self.number).token}\r\nPrism-Consent: {CONSENT}\r\n"
            f"Prism-Schema: {schema_digest()}\r\nIdempotency-Key: "
        )
        return head.encode(), b"\r\n\r\n" + self.body

    def rows(self, batch_id: str) -> tuple[tuple[object, ...], list[tuple[object, ...]]]:
        """Return what the service makes of it: a row of batches, and those of reports."""
        pid, digest = keys(self.number).cluster_id, hashlib.sha256(self.body).digest()
        batch = (pid, batch_id, digest, len(self.texts), len(self.texts), DAY.isoformat(), None)
        reports = [
            (pid, DAY.isoformat(), f"{batch_id}:{at}", "standard", text.decode()) for at, text in enumerate(self.texts)
        ]
        return batch, reports


def contents(documents: int) -> list[Content]:
    made = []
    for number in range(_CLUSTERS):
        texts = [document(number, DAY, hour=hour) for hour in range(documents)]
        made.append(Content(number, texts, compress(frame(texts))))
    return made


async def load_apart(port: int, made: Sequence[Content], seconds: float, trust: ssl.SSLContext) -> int:
    """Send as agents do, each request by a connection of its own over TLS; return how many reports were taken."""
    sending, deadline = cycle(made), time.perf_counter() + seconds

    async def send() -> int:
        reports = 0
        while time.perf_counter() < deadline:
            content = next(sending)
            before, after = content.request
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="localhost")
            writer.write(before + str(uuid.uuid4()).encode() + b"\r\nConnection: close" + after)
            answer = await reader.read()
            writer.close()
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
            reports += len(content.texts)
        return reports

    return sum(await asyncio.gather(*(send() for _ in range(_CONNECTIONS))))


async def load(port: int, made: Sequence[Content], seconds: float) -> int:
    """Send for so long, and return how many reports were taken. Raises RuntimeError where one was refused."""
    loop, sending, deadline = asyncio.get_running_loop(), cycle(made), time.perf_counter() + seconds
    begin = partial(Sender, sending, deadline)
    connected = [await loop.create_connection(begin, "127.0.0.1", port) for _ in range(_CONNECTIONS)]
    return sum(await asyncio.gather(*(sender.sent for _, sender in connected)))


class Sender(asyncio.Protocol):
    """A connection that sends the next request as soon as the last is answered, until the deadline."""

    def __init__(self, sending: Iterator[Content], deadline: float) -> None:
        self._sending, self._deadline = sending, deadline
        self._received, self._reports = b"", 0
        self.sent: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the loop has it
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take what has come of an answer."""
        self._received += data
        head, end, answer = self._received.partition(b"\r\n\r\n")
        if not end or len(answer) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.sent.set_exception(RuntimeError(answer.decode()))
            return
        self._received = b""
        self._reports += len(self._content.texts)
        if time.perf_counter() < self._deadline:
            self._send()
        else:
            self.sent.set_result(self._reports)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail where it was too early."""
        if not self.sent.done():
            self.sent.set_exception(exc or ConnectionError("the service has hung up"))

    def _send(self) -> None:
        self._content = next(self._sending)
        before, after = self._content.request
        self._transport.write(before + str(uuid.uuid4()).encode() + after)
