"""Tries to reach a latency peer again and again, and tells when it first answered.

An answer, not a connection: a service mesh's sidecar accepts connections to what isn't there. Attempts are short and
many, because an attempt whose first packet was dropped learns nothing for a second (the first retransmission of a SYN,
RFC 6298), whereas the next attempt may get through at once.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from probes import echo
from probes.echo import HELLO_BYTES, Address

# A tenth of what is worth telling apart in the start of a service, which takes tenths of a second.
INTERVAL_SECONDS = 0.02
# Far more than a round trip within a cluster, and less than the first retransmission.
_ATTEMPT_SECONDS = 0.25

Told = Callable[[str, int], None]


def reach_all(targets: dict[str, Address], *, seconds: float, told: Told) -> bool:
    """Try all targets at once, and call `told` with label and number of the attempt as each first answers.

    Returns whether all did within `seconds`.
    """
    lock = threading.Lock()
    outcomes: list[bool] = []

    def one(label: str, address: Address) -> None:
        attempts = _reach(address, seconds)
        with lock:
            outcomes.append(attempts is not None)
            if attempts is not None:
                told(label, attempts)

    threads = [threading.Thread(target=one, args=item, daemon=True) for item in targets.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return all(outcomes)


def _reach(address: Address, seconds: float) -> int | None:
    """Return at which attempt the peer answered, None where it never did."""
    start, attempts = time.monotonic(), 0
    while (began := time.monotonic()) - start < seconds:
        attempts += 1
        if _answers(address):
            return attempts
        time.sleep(max(0.0, began + INTERVAL_SECONDS - time.monotonic()))
    return None


def _answers(address: Address) -> bool:
    """Say hello once, with a look-up of its own: what changes under the name must show."""
    with suppress(OSError):
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, _, _, _, where = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ATTEMPT_SECONDS)
            connection.connect(where)
            connection.sendall(echo.pack_hello(HELLO_BYTES))
            answer = bytearray(HELLO_BYTES)
            echo.receive(connection, memoryview(answer))
            return echo.unpack_hello(answer) is not None
    return False
