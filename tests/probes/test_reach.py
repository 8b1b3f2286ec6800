import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from probes import peer, reach
from probes.echo import Address


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def accepting_without_an_answer() -> Iterator[int]:
    """What a sidecar does for a service that isn't there: accept, and close."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_each_target_is_told_once_when_its_peer_answers() -> None:
    told: list[tuple[str, int]] = []
    with peer.answering("127.0.0.1", 0) as port:
        targets = {"address": Address(host="127.0.0.1", port=port), "name": Address(host="localhost", port=port)}
        assert reach.reach_all(targets, seconds=20, told=lambda *line: told.append(line))
    assert sorted(label for label, _ in told) == ["address", "name"]


def test_a_peer_that_comes_later_is_reached_at_a_later_attempt() -> None:
    port, told = free_port(), []
    first_failed = threading.Event()

    def late() -> None:
        first_failed.wait(0.3)
        with peer.answering("127.0.0.1", port):
            done.wait(20)

    done = threading.Event()
    thread = threading.Thread(target=late)
    thread.start()
    try:
        targets = {"server": Address(host="127.0.0.1", port=port)}
        assert reach.reach_all(targets, seconds=20, told=lambda _label, attempts: told.append(attempts))
    finally:
        done.set()
        thread.join()
    assert told[0] > 1


def test_a_connection_without_an_answer_is_not_a_peer_reached() -> None:
    with accepting_without_an_answer() as port:
        targets = {"server": Address(host="127.0.0.1", port=port)}
        assert not reach.reach_all(targets, seconds=0.3, told=lambda *_: None)


def test_a_name_that_does_not_exist_is_given_up_in_time() -> None:
    targets = {"server": Address(host="does-not-exist.invalid", port=1)}
    assert not reach.reach_all(targets, seconds=0.2, told=lambda *_: None)
