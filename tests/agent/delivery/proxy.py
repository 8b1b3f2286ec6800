"""A proxy that knows CONNECT, and notes what was asked of it."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Proxy:
    url: str
    refuses: bool = False
    asked: list[bytes] = field(default_factory=list)
    """The head of each request."""


def _serve(client: socket.socket, proxy: Proxy, target: tuple[str, int]) -> None:
    with client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        proxy.asked.append(head)
        if proxy.refuses:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(target) as upstream:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _pump(client, upstream)


def _pump(client: socket.socket, upstream: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([client, upstream], [], [], 30)
        for each in ready:
            data = each.recv(65536)
            if not data:
                return
            (upstream if each is client else client).sendall(data)


@contextmanager
def proxying(target_port: int) -> Iterator[Proxy]:
    """Serve; whatever host is asked for is found on loopback, as a name that only the proxy knows."""
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=_serve, args=(client, proxy, ("127.0.0.1", target_port))))
                threads[-1].start()

        accepting = threading.Thread(target=serve)
        accepting.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()
