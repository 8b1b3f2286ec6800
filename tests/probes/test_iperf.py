import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from probes import iperf
from probes.errors import ToolFailed, Unavailable
from probes.iperf import Settings, run_test
from probes.iperf_report import ServerBusy, parse

MIB = 2**20


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with iperf.loopback_server() as port:
        yield port


@pytest.fixture
def settings(port: int) -> Settings:
    """A test of 256 MiB: some tenth of a second on loopback, and far more than buffers hold."""
    return Settings(host="127.0.0.1", port=port, duration_seconds=10, byte_count=256 * MIB)


@contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[Settings]:
    """Accept connections and do `answer` to each; the settings are those of a short test against it."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
        connections: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    connections.append(server.accept()[0])
                    answer(connections[-1])
            except OSError:
                pass

        pool.submit(accept)
        try:
            yield Settings(host="127.0.0.1", port=server.getsockname()[1], duration_seconds=1)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("streams", [1, 8])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_test_ends_with_its_bytes(settings: Settings, streams: int, reverse: bool) -> None:  # noqa: FBT001  pytest names it
    report = run_test(replace(settings, streams=streams, reverse=reverse))
    # What is under way when the sender is done is not waited for; each stream ends with a whole block.
    assert 128 * MIB < report.byte_count <= (256 + streams) * MIB
    assert report.bits_per_second == pytest.approx(report.byte_count * 8 / report.seconds)
    assert report.retransmits is not None
    assert report.congestion_control


def test_a_test_ends_with_its_time_and_leaves_out_what_it_should(settings: Settings) -> None:
    report = run_test(replace(settings, byte_count=None, duration_seconds=1, omit_seconds=1))
    assert 0.9 < report.seconds < 1.9


def test_time_bounds_a_test_that_its_bytes_would_not_end(settings: Settings) -> None:
    assert run_test(replace(settings, byte_count=2**50, duration_seconds=1)).seconds > 0.9


def test_udp_keeps_to_its_rate_and_tells_jitter_and_loss(settings: Settings) -> None:
    rate = 20_000_000
    report = run_test(replace(settings, byte_count=rate // 8 // 4, udp_bits_per_second=rate, udp_payload_bytes=1400))
    assert report.bits_per_second < 1.5 * rate
    assert report.block_bytes == 1400
    assert report.jitter_ns is not None
    assert report.jitter_ns >= 0
    assert report.loss is not None
    assert 0 <= report.loss <= 1


def test_a_report_longer_than_a_pipe_comes_back_whole(settings: Settings) -> None:
    text = iperf._ask(iperf._client, replace(settings, byte_count=128 * MIB, streams=100), deadline_seconds=30)
    assert len(text) > 65_536
    assert parse(text).byte_count > 0


def test_nothing_of_libiperf_reaches_our_output(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    run_test(settings)
    with pytest.raises(ToolFailed):
        run_test(replace(settings, port=closed_port()))
    assert capfd.readouterr() == ("", "")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_closed_port_is_told_without_the_host() -> None:
    with pytest.raises(Unavailable, match="Connection refused") as raised:
        iperf.reach("localhost", closed_port())
    assert "localhost" not in str(raised.value)
    with pytest.raises(ToolFailed, match="Connection refused"):
        run_test(Settings(host="127.0.0.1", port=closed_port(), duration_seconds=1))


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 80])
def test_a_name_without_an_address_is_unavailable(name: str) -> None:
    with pytest.raises(Unavailable, match="can be reached"):
        iperf.reach(name, 5201)


def test_a_listener_that_says_nothing_is_given_up() -> None:
    with listener(lambda _: None) as silent, pytest.raises(ToolFailed, match="no result within"):
        run_test(silent, slack_seconds=0.5)


def test_a_listener_that_resets_is_a_failed_test() -> None:
    with listener(reset) as resetting, pytest.raises(ToolFailed, match="iperf3 test failed"):
        run_test(resetting)


def test_a_listener_that_speaks_something_else_is_a_failed_test() -> None:
    with listener(lambda connection: connection.sendall(b"HTTP/1.1 400\r\n\r\n")) as web, pytest.raises(ToolFailed):
        run_test(web, slack_seconds=2)


def test_proving_the_path_costs_the_server_nothing(settings: Settings) -> None:
    for _ in range(3):
        assert iperf.reach(settings.host, settings.port)
        time.sleep(0.05)
    assert run_test(settings).byte_count > 0


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(iperf.PortTaken, match=f"port {taken}"), iperf.serving(taken, address="127.0.0.1"):
            pass


def test_a_busy_server_is_asked_again_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    own = closed_port()
    settings = Settings(host="127.0.0.1", port=own, duration_seconds=2)
    with iperf.serving(own, address="127.0.0.1") as server, ThreadPoolExecutor() as pool:
        first = pool.submit(run_test, settings)
        connections = psutil.Process(server.pid).net_connections
        wait_until(lambda: sum(each.status == psutil.CONN_ESTABLISHED for each in connections("tcp")) >= 2)
        with monkeypatch.context() as impatient:
            impatient.setattr(iperf, "_BUSY_SECONDS", 0.0)
            with pytest.raises(ServerBusy):
                run_test(settings)
        assert run_test(replace(settings, byte_count=256 * MIB)).byte_count > 0
        assert first.result().byte_count > 0


def test_a_server_that_is_away_between_two_clients_is_asked_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iperf, "_AWAY_SECONDS", 60.0)
    with ThreadPoolExecutor() as pool:
        with socket.create_server(("127.0.0.1", 0)) as leaving:
            own = leaving.getsockname()[1]
            test = pool.submit(run_test, replace(settings, port=own))
            first, _ = leaving.accept()
        reset(first)
        with iperf.serving(own, address="127.0.0.1"):
            assert test.result().byte_count > 0


def test_a_hanging_server_does_not_hang_us() -> None:
    own = closed_port()
    with iperf.serving(own, address="127.0.0.1") as server:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(ToolFailed, match="no result within"):
            run_test(Settings(host="127.0.0.1", port=own, duration_seconds=1), slack_seconds=0.2)
    assert not psutil.pid_exists(server.pid)


def test_a_server_that_is_killed_is_a_failed_test() -> None:
    own = closed_port()
    with iperf.serving(own, address="127.0.0.1") as server:
        server.kill()
        server.join()
        with pytest.raises(ToolFailed, match="Connection refused"):
            run_test(Settings(host="127.0.0.1", port=own, duration_seconds=1))


def test_a_client_that_is_killed_is_a_failed_tool_and_no_result(settings: Settings) -> None:
    before = set(psutil.Process().children())
    with ThreadPoolExecutor() as pool:
        future = pool.submit(run_test, replace(settings, byte_count=None, duration_seconds=30))
        wait_until(lambda: any(each.net_connections("tcp") for each in set(psutil.Process().children()) - before))
        for child in set(psutil.Process().children()) - before:
            child.kill()
        with pytest.raises(ToolFailed, match="exit code -9"):
            future.result()


def test_a_missing_library_is_told_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libiperf.so.0").write_text("not a library, which the loader takes for none at all\n" * 20)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="apt-get install libiperf0"):
        iperf.library_version()
    with pytest.raises(Unavailable, match="apt-get install libiperf0"), iperf.loopback_server():
        pass


def test_a_killed_parent_takes_server_and_client_with_it() -> None:
    script = (
        "from probes import iperf\n"
        "if __name__ == '__main__':\n"
        "    with iperf.loopback_server() as port:\n"
        "        print('listening', flush=True)\n"
        "        iperf.run_test(iperf.Settings(host='127.0.0.1', port=port, duration_seconds=60))\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(iperf.__file__).parents[1]) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"listening\n"
        family = psutil.Process(parent.pid)
        wait_until(lambda: sum(bool(each.net_connections("tcp")) for each in family.children()) == 2)
        children = family.children(recursive=True)
        parent.kill()
    assert psutil.wait_procs(children, timeout=5)[1] == []


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="the program iperf3 is not installed")
def test_the_server_of_the_program_iperf3_is_as_good_as_ours() -> None:
    own = closed_port()
    command = ["iperf3", "-s", "-p", str(own)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        try:
            wait_until(lambda: bool(psutil.Process(program.pid).net_connections("tcp")))
            assert iperf.reach("127.0.0.1", own)
            time.sleep(0.05)
            assert run_test(Settings(host="127.0.0.1", port=own, duration_seconds=1)).byte_count > 0
        finally:
            program.kill()
