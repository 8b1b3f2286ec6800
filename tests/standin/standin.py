"""A cluster that stands for Kubernetes: a real HTTPS API server on loopback, and nodes that run pods as processes.

    with StandIn() as cluster:
        kube = connect(kubeconfig=str(cluster.kubeconfig))

Everything it starts ends with it, or with the thread that runs it if that is killed. Pods need privileges for their
namespaces (`pods_reason` says whether they are there); without, the API serves and no pod starts.
"""

import fcntl
import json
import os
import random
import shutil
import socket
import ssl
import sys
import tempfile
import threading
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Self

import trustme

from tests.standin.admission import Admission, usage_of
from tests.standin.api import Api
from tests.standin.endpoints import EndpointController
from tests.standin.faults import Faults, PodFault
from tests.standin.garbage import Garbage
from tests.standin.job_controller import JobController
from tests.standin.metrics import Metrics
from tests.standin.name_server import NameServer
from tests.standin.node import Node, node_object
from tests.standin.pace import Delays, Pace
from tests.standin.pod_worker import Host, Moments, PodWorker
from tests.standin.problem import Problem
from tests.standin.resources import CLAIMS, NAMESPACES, NODES, QUOTAS, SERVICES, STORAGE_CLASSES, Json
from tests.standin.scheduler import Scheduler
from tests.standin.server import Server, serving
from tests.standin.service_proxy import ServiceProxy
from tests.standin.store import Store
from tests.standin.volumes import Provisioner

_TOKEN = "stand-in-token"  # noqa: S105 - opens nothing but this server
_NAMESPACES = ("default", "kube-system", "probe-lab")
_SWITCH_SECONDS = 0.0005
# What changes within this time the controllers look at together: hundreds of pods may be starting.
_BATCH_SECONDS = 0.002
_PREFIX, _LOCK = "standin-", "lock"
_IDLE_SECONDS = 0.5
_RESERVED_PORT = 64999
_CLASSES = (("standard", "WaitForFirstConsumer", "true"), ("immediate", "Immediate", "false"))


class StandIn:
    """The cluster. Its parts are public, so that tests can tell them what to do: `store`, `faults`, `nodes`, `api`."""

    def __init__(self, *, nodes: int = 2, pace: Pace | None = None) -> None:
        network, reserved = _own_network()
        _remove_leftovers()
        self.directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = _locked(self.directory)
        self.kubeconfig = self.directory / "kubeconfig"
        self.store = Store()
        self.faults = Faults()
        self.pace = pace or Pace()
        self._volumes = self.directory / "volumes"
        self._volumes.mkdir()
        admission = Admission(self.store, network)
        self.api = Api(self.store, self.faults, admission, Metrics(self.store))
        self.api.read_log = self._read_log
        self._provisioner = Provisioner(self.store, self._volumes, self.pace)
        self._proxy = ServiceProxy(self.store)
        self._dns_address = f"{network}.0.10"
        self.nodes = [self._node(number, network) for number in range(1, nodes + 1)]
        self._controllers = (
            JobController(self.store, admission, self.pace),
            Scheduler(self.store, self.faults, self.pace),
            self._provisioner,
            *(self.nodes if pods_reason() is None else ()),
            EndpointController(self.store, self.pace),
            self._proxy,
            Garbage(self.store),
        )
        self._passing: deque[float] = deque()
        self._stack = ExitStack()
        self._stack.callback(reserved.close)
        self._stopping = threading.Event()
        self.server: Server

    def __enter__(self) -> Self:
        # A watch must not wait 5 ms for its turn behind each of the controllers and pods that share the interpreter.
        self._stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._fill()
        self._stack.callback(self._lock.close)
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.server = self._stack.enter_context(serving(Server(self.api, self._tls(), _TOKEN)))
        self._write_kubeconfig()
        if pods_reason() is None:
            self._stack.callback(NameServer(self.store, self._dns_address).stop)
        self._stack.callback(self._proxy.stop)
        for node in self.nodes:
            self._stack.callback(node.stop)
        controllers = threading.Thread(target=self._control, daemon=True, name="controllers")
        controllers.start()
        self._stack.callback(controllers.join)
        self._stack.callback(self._stopping.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def moments(self, pod_uid: str) -> Moments:
        """Return when things truly happened to a pod."""
        return next(found for node in self.nodes if (found := node.moments(pod_uid)) is not None)

    def let_pass(self, seconds: float) -> None:
        """Let so much time pass at once for deadlines and times to live, as the controllers reckon them."""
        self._passing.append(seconds)

    def _node(self, number: int, network: str) -> Node:
        name = f"node{number}"
        directory = self.directory / name
        directory.mkdir()
        host = Host(
            name=name,
            store=self.store,
            faults=self.faults,
            pace=self.pace,
            directory=directory,
            name_server=self._dns_address,
            volume_of=self._volume_of,
        )
        return Node(host, address_prefix=f"{network}.{100 + number}")

    def _volume_of(self, volume: Json) -> Path:
        return self._provisioner.directory(self.store.get(CLAIMS, volume["claimName"], volume["namespace"]))

    def _fill(self) -> None:
        for name in _NAMESPACES:
            admitted, _ = self.api.admission.admit(NAMESPACES, "", {"metadata": {"name": name}})
            self.store.create(NAMESPACES, admitted)
        enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.store.update(NAMESPACES, "probe-lab", "", lambda after: after["metadata"]["labels"].update(enforced))
        # The API's own Service, whose name resolves in every cluster.
        api = {"metadata": {"name": "kubernetes"}, "spec": {"ports": [{"name": "https", "port": 443}]}}
        self.store.create(SERVICES, self.api.admission.admit(SERVICES, "default", api)[0])
        for number, node in enumerate(self.nodes, start=1):
            self.store.create(NODES, node_object(node.name, zone=f"zone{number}"))
        for name, mode, default in _CLASSES:
            annotations = {"storageclass.kubernetes.io/is-default-class": default}
            storage_class = {
                "metadata": {"name": name, "annotations": annotations},
                "provisioner": f"standin/{name}",
                "reclaimPolicy": "Delete",
                "volumeBindingMode": mode,
            }
            self.store.create(STORAGE_CLASSES, storage_class)

    def _control(self) -> None:
        """Let all controllers look at what there is whenever something has changed or is due."""
        seen, delays = 0, Delays()
        while not self._stopping.is_set():
            seen = self.store.version
            delays.next_due = float("inf")
            for controller in self._controllers:
                # What it was dealing with may have been deleted meanwhile; as a real one does, it looks again.
                with suppress(Problem):
                    controller.reconcile(delays)
            self._count_quotas()
            # Not before all controllers have seen what happened until now.
            while self._passing:
                delays.advance(self._passing.popleft())
            self.store.wait_for_change(seen, max(0.0, min(_IDLE_SECONDS, delays.wait_seconds)))
            self._stopping.wait(_BATCH_SECONDS)

    def _count_quotas(self) -> None:
        for quota in self.store.all(QUOTAS):
            meta, hard = quota["metadata"], quota["spec"]["hard"]
            used = usage_of(self.store, meta["namespace"])
            counted = {"hard": hard, "used": {key: f"{used.get(key, 0.0):g}" for key in hard}}
            self.store.update(QUOTAS, meta["name"], meta["namespace"], lambda after, c=counted: after.update(status=c))

    def _read_log(self, pod: Json, container: str) -> tuple[bytes, bool]:
        """Return a container's log, and whether it is complete; the node's part of the API."""
        worker = self._worker(pod)
        if worker is None or not worker.has_started:
            name = pod["metadata"]["name"]
            why = f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating'
            raise Problem(400, "BadRequest", why)
        if self.faults.befalls(PodFault.LOG_LOST, pod):
            raise Problem(500, "InternalError", "Get containerLogs: dial tcp 10250: i/o timeout")
        log, is_complete = worker.log(container)
        return (log[: len(log) // 2] if self.faults.befalls(PodFault.LOG_CUT, pod) else log), is_complete

    def _worker(self, pod: Json) -> PodWorker | None:
        for node in self.nodes:
            if (worker := node.worker(pod["metadata"]["uid"])) is not None:
                if node.is_lost:
                    raise Problem(500, "InternalError", "Get containerLogs: dial tcp 10250: i/o timeout")
                return worker
        return None

    # TLS and the way in

    def _tls(self) -> ssl.SSLContext:
        authority = trustme.CA()
        self._certificates = self.directory / "certificates"
        self._certificates.mkdir()
        authority.cert_pem.write_to_path(str(self._certificates / "ca.crt"))
        client = authority.issue_cert(common_name="standin-admin")
        client.private_key_pem.write_to_path(str(self._certificates / "client.key"))
        client.cert_chain_pems[0].write_to_path(str(self._certificates / "client.crt"))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.verify_mode = ssl.CERT_OPTIONAL
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        authority.configure_trust(tls)
        return tls

    def _write_kubeconfig(self) -> None:
        """Two contexts: `standin` logs in by a certificate, `standin-token` by a token."""
        ca, crt, key = (str(self._certificates / name) for name in ("ca.crt", "client.crt", "client.key"))
        cluster = {"server": self.server.url, "certificate-authority": ca}
        users = {"admin": {"client-certificate": crt, "client-key": key}, "bearer": {"token": _TOKEN}}
        contexts = {"standin": "admin", "standin-token": "bearer"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "standin", "cluster": cluster}],
            "users": [{"name": name, "user": user} for name, user in users.items()],
            "contexts": [
                {"name": name, "context": {"cluster": "standin", "user": user, "namespace": "probe-lab"}}
                for name, user in contexts.items()
            ],
            "current-context": "standin",
        }
        # JSON is YAML.
        self.kubeconfig.write_text(json.dumps(config, indent=1))


def pods_reason() -> str | None:
    """Return why pods can't be run here, None where they can."""
    if os.geteuid() != 0:
        return "pods need the privileges of root for mount and process namespaces of their own"
    return None


def _own_network() -> tuple[str, socket.socket]:
    """Return a /16 of loopback for this stand-in alone, as several may run at once, and what reserves it."""
    while True:
        network, reserved = f"127.{random.randint(64, 254)}", socket.socket()
        try:
            reserved.bind((f"{network}.0.1", _RESERVED_PORT))
        except OSError:
            reserved.close()
            continue
        return network, reserved


def _locked(directory: Path) -> IO[str]:
    """Lock a stand-in's directory. Nobody sees the lock before it is held, and takes the directory for a leftover."""
    unseen = directory / f"{_LOCK}.new"
    lock = unseen.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    unseen.rename(directory / _LOCK)
    return lock


def _remove_leftovers() -> None:
    """Remove the directories of stand-ins that were killed: nobody holds their locks."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        # Another one may end, or remove the same, at this moment; and those that are locked are in use.
        with suppress(FileNotFoundError, BlockingIOError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
