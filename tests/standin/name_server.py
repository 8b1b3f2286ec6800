"""The cluster's DNS: Services by their names, and one name of the world outside. UDP, A records (RFC 1035)."""

import socket
import struct
import threading
from contextlib import suppress

from tests.standin.resources import SERVICES
from tests.standin.store import Store

DOMAIN = "cluster.local"
# As if an upstream server had been asked: a name for such use (RFC 2606) with an address for such use (RFC 5737).
_OUTSIDE = {"example.com": "192.0.2.1"}
_PATIENCE_SECONDS = 0.2
_A, _IN, _NO_NAME = 1, 1, 3


class NameServer:
    """Answers at port 53 of `address` until stopped. Binding it takes privileges."""

    def __init__(self, store: Store, address: str) -> None:
        self._store = store
        self._stopped = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._socket.settimeout(_PATIENCE_SECONDS)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            with suppress(OSError, IndexError, struct.error):
                query, client = self._socket.recvfrom(512)
                self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        name, end = _name_in(query)
        kind, _ = struct.unpack("!HH", query[end : end + 4])
        address = self._address(name)
        question = query[12 : end + 4]
        if address is None:
            return query[:2] + struct.pack("!HHHHH", 0x8580 | _NO_NAME, 1, 0, 0, 0) + question
        if kind != _A:
            return query[:2] + struct.pack("!HHHHH", 0x8580, 1, 0, 0, 0) + question
        record = struct.pack("!HHHIH", 0xC00C, _A, _IN, 5, 4) + socket.inet_aton(address)
        return query[:2] + struct.pack("!HHHHH", 0x8580, 1, 1, 0, 0) + question + record

    def _address(self, name: str) -> str | None:
        if name in _OUTSIDE:
            return _OUTSIDE[name]
        service, _, rest = name.partition(".")
        namespace, _, rest = rest.partition(".")
        if rest != f"svc.{DOMAIN}":
            return None
        found = self._store.find(SERVICES, service, namespace)
        return found["spec"]["clusterIP"] if found else None


def _name_in(query: bytes) -> tuple[str, int]:
    """Return the name that is asked for, in lower case, and where its type begins."""
    labels, place = [], 12
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length].decode("ascii", "replace"))
        place += length + 1
    return ".".join(labels).lower(), place + 1
