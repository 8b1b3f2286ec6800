"""What the latency probe and its peer say to each other: one hello, then messages of one size, sent back as they came.

Each side's first 64 bytes are a hello: 8 bytes of magic, version and status (16 bits each), the size of the messages to
come (32 bits), all in network byte order, then zeros. The peer answers a hello with its own; where its status is not
OK, it closes. Nothing else is ever interpreted, so that a peer can be made to do nothing but echo.
"""

import ipaddress
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from probes.errors import InvalidRequest, Unavailable

DEFAULT_PORT = 5209
VERSION = 1
HELLO_BYTES = 64
MAXIMUM_MESSAGE_BYTES = 65_536
# Longer than the second retransmission of a lost SYN (after 1 s and another 2 s, tcp(7)): a lossy path is still
# measured rather than given up.
TIMEOUT_SECONDS = 5

# The first byte is no ASCII, so that no protocol of text lines begins with it.
_MAGIC = b"\xf5PRBECHO"
_HELLO = struct.Struct("!8sHHI48x")
_ADDRESS = re.compile(
    r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9.])?))(?::(?P<port>\d{1,5}))?",
    re.ASCII | re.IGNORECASE,
)


class Status(IntEnum):
    """What the peer thinks of a hello; a client sends OK."""

    OK = 0
    OTHER_VERSION = 1
    SIZE_REFUSED = 2


class Hello(NamedTuple):
    """The fields of a hello."""

    version: int
    status: int
    message_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server as a user names it."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server as the kernel names it."""

    family: socket.AddressFamily
    socket_address: tuple[str, int] | tuple[str, int, int, int]

    @property
    def port(self) -> int:
        """The TCP port."""
        return self.socket_address[1]


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> Address:
    """Return what `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT` names. Raises InvalidRequest for anything else."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"{text!r} is no server: write HOST or HOST:PORT, and an IPv6 address in brackets")
    port = int(match["port"] or default_port)
    if not 1 <= port <= 65_535:
        raise InvalidRequest(f"{text!r} is no server: a port lies between 1 and 65535")
    if match["ipv6"]:
        try:
            ipaddress.IPv6Address(match["ipv6"])
        except ValueError as error:
            raise InvalidRequest(f"{text!r} is no server: {match['ipv6']!r} is not an IPv6 address") from error
    return Address(host=match["ipv6"] or match["host"], port=port)


def names_port(text: str) -> bool:
    """Tell whether a server is given with its port. Raises InvalidRequest for what is no server."""
    parse_address(text)
    match = _ADDRESS.fullmatch(text)
    return match is not None and match["port"] is not None


def pack_hello(message_bytes: int, *, version: int = VERSION, status: Status = Status.OK) -> bytes:
    """Return the 64 bytes of a hello."""
    return _HELLO.pack(_MAGIC, version, status, message_bytes)


def unpack_hello(data: bytes | bytearray | memoryview) -> Hello | None:
    """Return the fields of 64 bytes, None where they are no hello."""
    magic, version, status, message_bytes = _HELLO.unpack(data)
    return Hello(version, status, message_bytes) if magic == _MAGIC else None


def set_timeout(connection: socket.socket, option: int, seconds: int) -> None:
    """Set SO_RCVTIMEO or SO_SNDTIMEO (socket(7)): calls past it raise BlockingIOError; the latter bounds connect too.

    Python's own `settimeout` would put a poll(2) before each call, and so into each measured round trip.
    """
    connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def receive(connection: socket.socket, view: memoryview) -> None:
    """Fill `view` from a blocking socket. Raises ConnectionResetError where the other side closes first.

    MSG_WAITALL leaves the putting together of parts to the kernel; only a signal or a timeout cuts it short.
    """
    received = connection.recv_into(view, 0, socket.MSG_WAITALL)
    while received < len(view):
        more = connection.recv_into(view[received:], 0, socket.MSG_WAITALL)
        if not more:
            raise ConnectionResetError("the other side closed the connection")
        received += more


def open_socket(endpoint: Endpoint) -> socket.socket:
    """Return an unconnected blocking socket that sends at once and gives up after TIMEOUT_SECONDS.

    Its close is a reset: a closed connection waits nowhere, and thousands in a row don't use up the local ports.
    """
    connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    set_timeout(connection, socket.SO_RCVTIMEO, TIMEOUT_SECONDS)
    set_timeout(connection, socket.SO_SNDTIMEO, TIMEOUT_SECONDS)
    return connection


def check_answer(data: bytes | bytearray | memoryview) -> None:
    """Raise Unavailable unless `data` is a peer's consent."""
    hello = unpack_hello(data)
    if hello is None:
        raise Unavailable("the server speaks another protocol: give the port of `probe serve`")
    if hello.status == Status.OTHER_VERSION:
        raise Unavailable(
            f"the server speaks version {hello.version} of the protocol, this is {VERSION}: install one release on both"
        )
    if hello.status != Status.OK:
        raise Unavailable(f"the server refused the hello (status {hello.status}): install one release on both")


@contextmanager
def connected(endpoint: Endpoint, message_bytes: int) -> Iterator[socket.socket]:
    """Yield a connection whose peer echoes messages of this size. Raises OSError; Unavailable for a foreign server."""
    with open_socket(endpoint) as connection:
        connection.connect(endpoint.socket_address)
        connection.sendall(pack_hello(message_bytes))
        answer = memoryview(bytearray(HELLO_BYTES))
        try:
            receive(connection, answer)
        except ConnectionResetError as error:
            raise Unavailable("the server closed instead of answering: give the port of `probe serve`") from error
        check_answer(answer)
        yield connection


def find(address: Address) -> Endpoint:
    """Return the first of the name's addresses that a peer answers at, so that later no look-up is in the way.

    Raises Unavailable where none does.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable("the server's name has no address: check the spelling, or give the address") from error
    endpoints = [Endpoint(family=family, socket_address=at) for family, _, _, _, at in found]  # type: ignore[arg-type]
    for endpoint in endpoints[:-1]:
        try:
            with connected(endpoint, HELLO_BYTES):
                return endpoint
        except OSError:
            continue
    with explained(address.port), connected(endpoints[-1], HELLO_BYTES):
        return endpoints[-1]


def is_local(endpoint: Endpoint) -> bool:
    """Tell whether the path to the server stays within this machine. Raises OSError."""
    with open_socket(endpoint) as connection:
        connection.connect(endpoint.socket_address)
        own, other = connection.getsockname()[0], connection.getpeername()[0]
    return bool(own == other or ipaddress.ip_address(other).is_loopback)


@contextmanager
def explained(port: int) -> Iterator[None]:
    """Turn what can befall a connection into Unavailable. The host is not named: reasons are part of a result."""
    where = f"the server (port {port})"
    try:
        yield
    except ConnectionRefusedError as error:
        raise Unavailable(f"nothing listens at {where}: start `probe serve` there") from error
    except (BlockingIOError, TimeoutError) as error:
        raise Unavailable(
            f"{where} did not answer within {TIMEOUT_SECONDS} s: does `probe serve` run there, is it free, and does a "
            "firewall let the port pass?"
        ) from error
    except ConnectionError as error:
        raise Unavailable(f"{where} broke the connection off: was `probe serve` stopped?") from error
    except OSError as error:
        raise Unavailable(f"{where} can't be reached ({error.strerror}): check the address and the route") from error
