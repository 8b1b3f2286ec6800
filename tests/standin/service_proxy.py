"""Makes the addresses of Services answer, as kube-proxy did in its user-space mode: by relaying on loopback.

While a Service has no ready endpoint nothing listens at its address, so that connections are refused, as with the rules
of today's kube-proxy.
"""

import select
import socket
import threading
from contextlib import ExitStack, suppress

from tests.standin.endpoints import SERVICE_NAME
from tests.standin.pace import Delays
from tests.standin.resources import ENDPOINT_SLICES, SERVICES, Json
from tests.standin.store import Store

_CHUNK_BYTES = 1 << 18
_PATIENCE_SECONDS = 0.2
Address = tuple[str, int]


class ServiceProxy:
    """Runs a thread for each port that is served, and two for each connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ports: dict[tuple[str, int, str], _Port] = {}

    def reconcile(self, delays: Delays) -> None:  # noqa: ARG002 - as all controllers
        wanted = dict(self._wanted())
        for key in [key for key in self._ports if key not in wanted]:
            self._ports.pop(key).stop()
        for key, targets in wanted.items():
            if key in self._ports:
                self._ports[key].targets = targets
            else:
                port = _TcpPort(key[:2], targets) if key[2] == "TCP" else _UdpPort(key[:2], targets)
                self._ports[key] = port

    def stop(self) -> None:
        for port in self._ports.values():
            port.stop()
        self._ports.clear()

    def _wanted(self) -> list[tuple[tuple[str, int, str], list[Address]]]:
        ready: dict[tuple[str, str], list[str]] = {}
        for each in self._store.all(ENDPOINT_SLICES):
            key = (each["metadata"]["namespace"], each["metadata"]["labels"][SERVICE_NAME])
            for endpoint in each["endpoints"] or ():
                if endpoint["conditions"]["ready"]:
                    ready.setdefault(key, []).append(endpoint["addresses"][0])
        found = []
        for service in self._store.all(SERVICES):
            if service["spec"]["clusterIP"] == "None":
                continue
            addresses = ready.get((service["metadata"]["namespace"], service["metadata"]["name"]), [])
            found += [_served(service, port, addresses) for port in service["spec"].get("ports") or () if addresses]
        return found


def _served(service: Json, port: Json, addresses: list[str]) -> tuple[tuple[str, int, str], list[Address]]:
    key = (service["spec"]["clusterIP"], port["port"], port["protocol"])
    return key, [(address, int(port["targetPort"])) for address in addresses]


class _Port:
    """A port that is served until it is stopped."""

    def __init__(self, address: Address, targets: list[Address], kind: socket.SocketKind) -> None:
        self.targets = targets
        self.stopped = threading.Event()
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        # What select has announced may be gone again by the time it is asked for.
        self.socket.settimeout(_PATIENCE_SECONDS)
        self.turn = 0
        if kind == socket.SOCK_STREAM:
            self.socket.listen(128)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def next_target(self) -> Address:
        self.turn += 1
        return self.targets[self.turn % len(self.targets)]

    def serve(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join()
        self.socket.close()


class _TcpPort(_Port):
    def __init__(self, address: Address, targets: list[Address]) -> None:
        super().__init__(address, targets, socket.SOCK_STREAM)

    def serve(self) -> None:
        while not self.stopped.is_set():
            with suppress(OSError):
                client, _ = self.socket.accept()
                client.settimeout(None)
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with ExitStack() as stack, suppress(OSError):
            stack.enter_context(client)
            server = stack.enter_context(socket.create_connection(self.next_target(), timeout=5))
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class _UdpPort(_Port):
    """Datagrams of each client go through a socket of its own, so that answers find their way back."""

    def __init__(self, address: Address, targets: list[Address]) -> None:
        super().__init__(address, targets, socket.SOCK_DGRAM)

    def serve(self) -> None:
        # One that waited here, for an answer that had been an error, would deliver what others send too late: libiperf
        # takes the first datagram that comes in for its next client's.
        self.socket.settimeout(0)
        servers: dict[Address, socket.socket] = {}
        clients: dict[socket.socket, Address] = {}
        with ExitStack() as stack:
            while not self.stopped.is_set():
                for each in select.select([self.socket, *clients], [], [], _PATIENCE_SECONDS)[0]:
                    with suppress(OSError):
                        data, sender = each.recvfrom(1 << 16)
                        if each is not self.socket:
                            self.socket.sendto(data, clients[each])
                            continue
                        if sender not in servers:
                            server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                            server.settimeout(0)
                            server.connect(self.next_target())
                            servers[sender], clients[server] = server, sender
                        servers[sender].send(data)
