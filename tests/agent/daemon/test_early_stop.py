"""A stop that comes before the agent can listen: while it still reads its configuration."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.agent.daemon.parts import PATIENCE_SECONDS, Agent, Place, as_first_process


def as_any_process() -> tuple[str, ...]:
    return ()


def opened(path: os.PathLike[str]) -> int | None:
    """A descriptor to write to a FIFO by, None as long as nobody reads it."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("before", [as_first_process, as_any_process])
def test_a_stop_before_the_agent_listens_ends_it_in_order_once_it_does(
    before: Callable[[], tuple[str, ...]], number: signal.Signals, place: Place
) -> None:
    """From a container's first process the kernel keeps what it neither handles nor blocks."""
    text = place.config.read_bytes()
    place.config.unlink()
    os.mkfifo(place.config)
    with Agent(place, before=before()) as agent:
        writer: int = agent.wait_until(lambda: opened(place.config))
        (agent.process.children()[0] if before() else agent.process).send_signal(number)
        os.write(writer, text)
        os.close(writer)
        assert agent.process.wait(timeout=PATIENCE_SECONDS) == 0
        assert "stopped" in agent.log
        assert "the agent works" not in agent.log
