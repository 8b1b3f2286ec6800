"""Services of the stand-in: endpoints, addresses that answer, names."""

import socket
from collections.abc import Iterator

import pytest

from tests.standin.lab import SPACE, job, pod_of, pod_spec, start, wait_for_phase, wait_until
from tests.standin.resources import ENDPOINT_SLICES, JOBS, SERVICES, Json
from tests.standin.standin import StandIn, pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
_SERVER = """
import os, socket, threading
address = (os.environ["POD_IP"], 9000)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(address)
def answer():
    while True:
        data, client = datagrams.recvfrom(99)
        datagrams.sendto(data.upper(), client)
threading.Thread(target=answer, daemon=True).start()
listener = socket.create_server(address)
while True:
    connection, _ = listener.accept()
    connection.sendall(connection.recv(99).upper())
    connection.close()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture(scope="module")
def service(cluster: StandIn) -> Json:
    """A Service `echo` with a server behind it that is ready."""
    ports = [{"name": kind, "port": 9000, "protocol": kind} for kind in ("TCP", "UDP")]
    spec = {"selector": {"run": "echo"}, "ports": ports}
    admitted, _ = cluster.api.admission.admit(SERVICES, SPACE, {"metadata": {"name": "echo"}, "spec": spec})
    created = cluster.store.create(SERVICES, admitted)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((created["spec"]["clusterIP"], 9000))
    container = {
        "readinessProbe": {"tcpSocket": {"port": 9000}},
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    }
    spec = pod_spec("python3", "-c", _SERVER, container=container, terminationGracePeriodSeconds=1)
    start(cluster, job("echo", spec))

    def ready() -> bool:
        slices = cluster.store.all(ENDPOINT_SLICES, SPACE)
        return any(end["conditions"]["ready"] for each in slices for end in each["endpoints"] or ())

    wait_until(cluster, ready)
    return created


def test_an_endpoint_is_told_of_before_it_is_ready(cluster: StandIn, service: Json) -> None:
    states = [
        [endpoint["conditions"]["ready"] for endpoint in write.thing["endpoints"] or ()]
        for write in cluster.store.writes_since(ENDPOINT_SLICES, 0)
    ]
    assert states == [[], [False], [True]]


def test_the_address_of_a_service_answers_over_tcp_and_udp(cluster: StandIn, service: Json) -> None:
    address = (service["spec"]["clusterIP"], 9000)

    def connected() -> bytes | None:
        try:
            with socket.create_connection(address, timeout=5) as connection:
                connection.sendall(b"tcp")
                return connection.recv(99)
        except ConnectionRefusedError:
            return None

    assert wait_until(cluster, connected) == b"TCP"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(5)
        datagrams.sendto(b"udp", address)
        assert datagrams.recv(99) == b"UDP"


@pytest.mark.parametrize(
    ("name", "address"),
    [("kubernetes.default.svc", "127."), ("example.com", "192.0.2.1"), ("example.com.", "192.0.2.1")],
)
def test_the_names_that_every_cluster_knows_are_known(cluster: StandIn, name: str, address: str) -> None:
    title = f"known-{len(name)}"
    start(cluster, job(title, pod_spec("python3", "-c", f"import socket; print(socket.gethostbyname({name!r}))")))
    pod = wait_for_phase(cluster, title, "Succeeded", "Failed")
    log, _ = cluster.api.read_log(pod, "probe")
    assert log.decode().startswith(address)


@pytest.mark.parametrize("name", ["echo", "echo.probe-lab", "echo.probe-lab.svc.cluster.local."])
def test_a_pod_finds_a_service_by_its_name(cluster: StandIn, service: Json, name: str) -> None:
    title = f"finds-{len(name)}"
    script = f"import socket; print(socket.gethostbyname({name!r}))"
    start(cluster, job(title, pod_spec("python3", "-c", script)))
    pod = wait_for_phase(cluster, title, "Succeeded", "Failed")
    log, _ = cluster.api.read_log(pod, "probe")
    assert log.decode().strip() == service["spec"]["clusterIP"]


def test_a_name_that_does_not_exist_is_not_found(cluster: StandIn) -> None:
    script = "import socket\ntry: socket.gethostbyname('nobody.example')\nexcept socket.gaierror as e: print(e.errno)"
    start(cluster, job("nobody", pod_spec("python3", "-c", script)))
    pod = wait_for_phase(cluster, "nobody", "Succeeded", "Failed")
    log, _ = cluster.api.read_log(pod, "probe")
    assert log.decode().strip() == str(socket.EAI_NONAME)


def test_a_service_without_its_server_refuses_again(cluster: StandIn, service: Json) -> None:
    cluster.store.delete(JOBS, "echo", SPACE)
    wait_until(cluster, lambda: pod_of(cluster, "echo") is None)

    def refused() -> bool:
        try:
            socket.create_connection((service["spec"]["clusterIP"], 9000), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    assert wait_until(cluster, refused)
