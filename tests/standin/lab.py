"""What tests of the stand-in share: manifests, and waiting for what the API tells."""

import time
from collections.abc import Callable
from typing import Any

from tests.standin.resources import JOBS, PODS, Json
from tests.standin.standin import StandIn

SPACE = "probe-lab"
# Only what fails waits for so long; a busy machine may need half of it to start a program.
_PATIENCE_SECONDS = 60.0


def pod_spec(*command: str, **more: Any) -> Json:
    """A pod that level `restricted` admits."""
    container = {
        "name": "probe",
        "image": "probe:1",
        "command": list(command),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container | more.pop("container", {})],
        **more,
    }


def job(name: str, spec: Json, **of_job: Any) -> Json:
    template = {"metadata": {"labels": {"run": name}}, "spec": spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"backoffLimit": 0, "template": template, **of_job},
    }


def start(cluster: StandIn, thing: Json) -> Json:
    """Create an object as the API does."""
    resource = {"Job": JOBS, "Pod": PODS}[thing["kind"]]
    admitted, _ = cluster.api.admission.admit(resource, thing["metadata"]["namespace"], thing)
    return cluster.store.create(resource, admitted)


def pod_of(cluster: StandIn, name: str) -> Json | None:
    pods = cluster.store.all(PODS, SPACE)
    return next((pod for pod in pods if (pod["metadata"].get("labels") or {}).get("run") == name), None)


def wait_until(cluster: StandIn, holds: Callable[[], Any]) -> Any:
    """Return what `holds` returns as soon as that is true; it is asked after each change."""
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        version = cluster.store.version
        if found := holds():
            return found
        assert time.monotonic() < ends_at, "what was waited for never came"
        cluster.store.wait_for_change(version, 0.1)


def wait_for_phase(cluster: StandIn, name: str, *phases: str) -> Json:
    def reached() -> Json | None:
        found = pod_of(cluster, name)
        return found if found and found["status"]["phase"] in phases else None

    pod: Json = wait_until(cluster, reached)
    return pod


def wait_for_job(cluster: StandIn, name: str) -> tuple[str, str]:
    """Return the condition in which a Job ended, and its reason."""

    def ended() -> tuple[str, str] | None:
        found = cluster.store.find(JOBS, name, SPACE)
        conditions = found["status"].get("conditions", []) if found else []
        last = [each for each in conditions if each["type"] in ("Complete", "Failed")]
        return (last[0]["type"], last[0]["reason"]) if last else None

    condition: tuple[str, str] = wait_until(cluster, ended)
    return condition


def log_of(cluster: StandIn, pod: Json) -> str:
    log, _ = cluster.api.read_log(pod, "probe")
    return log.decode()


def run(cluster: StandIn, name: str, *command: str, **more: object) -> Json:
    """Run a Job to its end; return its pod."""
    start(cluster, job(name, pod_spec(*command, **more)))
    return wait_for_phase(cluster, name, "Succeeded", "Failed")
