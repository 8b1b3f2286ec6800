"""Answers that go on: lines with the moment at which each had come in, until the server or another thread ends it."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import urllib3

from agent.kube.errors import Ask
from jobs.cluster import Line
from jobs.errors import TryAgain

_CHUNK_BYTES = 1 << 16


class LineStream:
    """Iterate in one thread, close from any."""

    def __init__(self, response: urllib3.BaseHTTPResponse, ask: Ask) -> None:
        self._response = response
        self._ask = ask
        self._closed = threading.Event()
        self.heard_ns = 0
        """When bytes last came in; 0 before any did."""

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """Yield lines without their line feed, each with the moment when its last byte had been read.

        What comes after the last line feed is yielded at the end. Raises TryAgain where the connection is lost.
        """
        rest = b""
        try:
            for chunk in self._response.stream(_CHUNK_BYTES):
                # Here, in the thread that has just read, and before anything is decoded.
                self.heard_ns = time.monotonic_ns()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line, self.heard_ns
            if rest:
                yield rest, self.heard_ns
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            # What `close` does in another thread ends a read in any of these.
            if not self._closed.is_set():
                raise TryAgain(f"can't {self._ask}: the connection was lost") from error
        finally:
            self._response.close()

    def close(self) -> None:
        """End the iteration: wakes up the thread that reads. Closing twice is fine."""
        self._closed.set()
        # The reading thread may end the connection at this very moment.
        with suppress(RuntimeError, ValueError, OSError, AttributeError):
            self._response.shutdown()


class KubeFollow:
    """A log that is followed; implements `jobs.cluster.Follow`."""

    def __init__(self, lines: LineStream) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[Line]:
        """Iterate until the container ends, the connection is lost or the stream is closed."""
        with suppress(TryAgain):
            for text, arrived_ns in self._lines:
                yield Line(text=text, arrived_ns=arrived_ns)

    def close(self) -> None:
        """End the iteration, from any thread. Closing twice is fine."""
        self._lines.close()
