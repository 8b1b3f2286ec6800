import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import echo
from probes.echo import Address, Status
from probes.errors import InvalidRequest, Unavailable

PORTS = st.integers(1, 65_535)


@contextmanager
def foreign_server(talk: Callable[[socket.socket], object]) -> Iterator[Address]:
    """Accept one connection in a thread and let `talk` have it."""

    def work() -> None:
        with suppress(OSError), closing(listener.accept()[0]) as connection:
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield Address(host="127.0.0.1", port=listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@given(st.integers(0, 2**16 - 1), st.sampled_from(Status), st.integers(0, 2**32 - 1))
def test_a_hello_says_what_was_put_into_it(version: int, status: Status, message_bytes: int) -> None:
    data = echo.pack_hello(message_bytes, version=version, status=status)
    assert len(data) == echo.HELLO_BYTES
    assert echo.unpack_hello(data) == (version, status, message_bytes)


@given(st.binary(min_size=echo.HELLO_BYTES, max_size=echo.HELLO_BYTES))
def test_other_bytes_are_no_hello(data: bytes) -> None:
    assert echo.unpack_hello(data) is None


@given(st.from_regex(r"[a-z][a-z0-9-]{0,9}[a-z](\.[a-z]{2,5})?", fullmatch=True), PORTS)
def test_a_name_with_a_port_is_a_server(host: str, port: int) -> None:
    assert echo.parse_address(f"{host}:{port}") == Address(host=host, port=port)
    assert echo.parse_address(host) == Address(host=host, port=echo.DEFAULT_PORT)


@given(st.ip_addresses(v=6), PORTS)
def test_an_ipv6_address_in_brackets_is_a_server(address: object, port: int) -> None:
    assert echo.parse_address(f"[{address}]:{port}") == Address(host=str(address), port=port)
    assert echo.parse_address(f"[{address}]", 7) == Address(host=str(address), port=7)


@pytest.mark.parametrize(
    "text",
    ["", " ", ":5209", "host:", "host:0", "host:65536", "host:x", "::1", "[::1", "[host]", "[]", "a b", "http://a",
     "-a", "a:1:2", "host:٣"],
)  # fmt: skip
def test_nonsense_is_no_server(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no server"):
        echo.parse_address(text)


def test_a_port_without_a_listener_says_to_start_the_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match="start `probe serve` there"):
        echo.find(Address(host="127.0.0.1", port=port))


def test_a_name_without_an_address_is_unavailable_and_not_repeated_in_the_reason() -> None:
    with pytest.raises(Unavailable, match="name has no address") as raised:
        echo.find(Address(host="secret.invalid", port=1))
    assert "secret" not in str(raised.value)


def test_a_server_of_another_protocol_is_recognized() -> None:
    banner = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".ljust(80)
    with (
        foreign_server(lambda connection: connection.sendall(banner)) as address,
        pytest.raises(Unavailable, match="speaks another protocol"),
    ):
        echo.find(address)


def test_a_server_that_hangs_up_on_the_hello_is_recognized() -> None:
    with (
        foreign_server(lambda connection: connection.recv(echo.HELLO_BYTES)) as address,
        pytest.raises(Unavailable, match="closed instead of answering"),
    ):
        echo.find(address)


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, "TIMEOUT_SECONDS", 1)
    with (
        foreign_server(lambda connection: connection.recv(echo.HELLO_BYTES + 1, socket.MSG_WAITALL)) as address,
        pytest.raises(Unavailable, match="did not answer within 1 s"),
    ):
        echo.find(address)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (echo.pack_hello(64, version=9, status=Status.OTHER_VERSION), "speaks version 9 .* install one release"),
        (echo.pack_hello(64, status=Status.SIZE_REFUSED), "refused the hello"),
    ],
)
def test_a_peer_that_declines_is_understood(answer: bytes, reason: str) -> None:
    with pytest.raises(Unavailable, match=reason):
        echo.check_answer(answer)


def test_a_message_that_comes_in_parts_is_received_whole() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        message = bytes(range(256)) * 256
        sender = threading.Thread(target=near.sendall, args=(message,))
        sender.start()
        view = memoryview(bytearray(len(message)))
        echo.receive(far, view)
        sender.join()
        assert view == message


def test_a_message_that_ends_too_early_is_an_error() -> None:
    near, far = socket.socketpair()
    with far:
        with near:
            near.sendall(b"abc")
        with pytest.raises(ConnectionResetError):
            echo.receive(far, memoryview(bytearray(4)))
