"""A real cluster, by KUBECONFIG, and an image that it can start, by PROBE_IMAGE; skipped without them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.kube.cluster import Kube, connect
from jobs.objects import Claim, ConfigMap, Job, Object, Pod, Service
from jobs.site import ALL_RUNS

_HERE = Path(__file__).parent
_NEEDED = {"KUBECONFIG": "a cluster that may be probed", "PROBE_IMAGE": "an image of `probe` that it can start"}
# A quick run of one probe on several nodes, one after another, and pods that may wait for their image.
_TEST_SECONDS = 1200
_KINDS: tuple[type[Object], ...] = (ConfigMap, Job, Service, Claim, Pod)
Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def lacking() -> str | None:
    """Say what is not set, None where all is."""
    unset = [f"{name} (names {what})" for name, what in _NEEDED.items() if not os.environ.get(name)]
    return f"not set: {', '.join(unset)}" if unset else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = lacking()
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.timeout(_TEST_SECONDS))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def image() -> str:
    return os.environ["PROBE_IMAGE"]


@pytest.fixture(scope="session")
def kube() -> Kube:
    return connect()


@pytest.fixture
def start(probe_program: str, image: str, tmp_path: Path) -> Iterator[Start]:
    """Start `probe COMMAND --target cluster` with the image, in an empty directory."""
    started: list[subprocess.Popen[str]] = []

    def run(command: str, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [probe_program, command, *arguments, "--target", "cluster", "--image", image],
            cwd=tmp_path,
            env=os.environ | {"NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    # Whoever gives up in the middle of a test must not leave a run behind.
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait()


@pytest.fixture
def run(start: Start) -> Run:
    """Run it to its end."""

    def to_its_end(command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        with start(command, *arguments) as process:
            stdout, stderr = process.communicate()
            return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return to_its_end


@pytest.fixture(autouse=True)
def nothing_left(kube: Kube) -> Iterator[None]:
    """In the namespace of the tests, since others may be measuring in theirs."""
    yield
    assert left(kube) == []
    kubectl = shutil.which("kubectl")
    if kubectl:
        # Not `all`: whoever has no more rights than a run takes may not list most of that.
        kinds = ",".join(kind.api.plural for kind in _KINDS)
        command = [kubectl, "get", kinds, "-l", ALL_RUNS, "-n", kube.namespace, "-o", "name"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def left(kube: Kube) -> list[str]:
    """Whatever any run has left."""
    return [
        f"{kind.api.kind} {record.meta.name}"
        for kind in _KINDS
        for record in kube.list_all(kind, namespace=kube.namespace, labels=ALL_RUNS).items
    ]


@pytest.fixture
def leftovers(kube: Kube) -> Callable[[], list[str]]:
    return lambda: left(kube)
