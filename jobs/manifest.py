"""The objects of a run as Kubernetes' JSON has them: Jobs, Services, claims, and the two that own them. Pure.

Everything belongs to the run's ConfigMap, so that deleting that collects everything. The ConfigMap in turn belongs to a
Job of zero completions: it is complete at once, without a pod, and the cluster deletes it
`ttlSecondsAfterFinished` later, and with it all that it owns, even if nobody comes back.
"""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from jobs import quantity
from jobs.objects import Meta
from jobs.pod import MEASURING, SERVING, SLEEPING, Workload, pod_spec
from jobs.site import SERVER, Site, owner_reference
from jobs.step import Measure
from probes import echo, iperf
from probes.errand import Measure as MeasureErrand
from probes.errand import Reach
from probes.probe import Profile

Manifest = dict[str, Any]

# Service meshes put a container of their own beside ours, which would stand in the way of what is measured and may
# never end; Istio is told to leave a pod out by a label, Linkerd by an annotation (their documentation of injection).
_NO_ISTIO, _NO_LINKERD = {"sidecar.istio.io/inject": "false"}, {"linkerd.io/inject": "disabled"}

# A finished Job stays this long for whoever wants to look at it, should the launcher not have removed it.
_FINISHED_SECONDS = 120
_EXPIRY, _OWNER = "expiry", "run"


def expiry(site: Site, *, seconds: int) -> Manifest:
    """Return the Job that the cluster removes after so many seconds, with all that belongs to the run."""
    spec = _job_spec(site, _EXPIRY, Workload(command=["true"], size=SLEEPING), deadline_seconds=1, ttl_seconds=seconds)
    return _object("batch/v1", "Job", site.metadata(_EXPIRY, _EXPIRY)) | {
        "spec": spec | {"completions": 0, "parallelism": 0}
    }


def owner(site: Site, expiry_job: Meta | None) -> Manifest:
    """Return the ConfigMap that everything else belongs to."""
    metadata = site.metadata(_OWNER, _OWNER)
    if expiry_job is not None:
        metadata["ownerReferences"] = [owner_reference("batch/v1", "Job", expiry_job)]
    return _object("v1", "ConfigMap", metadata) | {"data": {"run": site.run_id, "image": site.image}}


def measuring_job(
    site: Site, step: Measure, *, profile: Profile, server: str | None, deadline_seconds: int, await_seconds: float
) -> Manifest:
    """Return the Job of a probe; `server` is the address of its server, a name or an IP address."""
    options = dict(step.options)
    if server is not None:
        options["server"] = host(server)
    errand = MeasureErrand(
        probe=step.probe,
        profile=profile,
        options=options,
        await_server=None if server is None else f"{host(server)}:{echo.DEFAULT_PORT}",
        await_seconds=await_seconds,
    )
    workload = Workload(
        command=_python(errand.model_dump_json(exclude_defaults=False, exclude_none=True)),
        size=MEASURING,
        node=step.node,
        **_volume(site, step),
    )
    return _job(site, step.name, step.name, workload, deadline_seconds=deadline_seconds)


def server_job(site: Site, name: str, *, step: str, node: str | None, deadline_seconds: int) -> Manifest:
    """Return the Job that answers latency and throughput probes at its pod's address."""
    # Listening on the pod's own address alone; `$(POD_IP)` is the kubelet's to fill in.
    workload = Workload(
        command=["probe", "serve", "--host", "$(POD_IP)"], size=SERVING, node=node, ready_port=echo.DEFAULT_PORT
    )
    labels = {SERVER: site.name(name)}
    return _job(site, name, step, workload, deadline_seconds=deadline_seconds, labels=labels)


def service(site: Site, name: str, *, step: str) -> Manifest:
    """Return the Service in front of the server of the same name."""
    ports = {"latency": echo.DEFAULT_PORT, "throughput-tcp": iperf.DEFAULT_PORT}
    return _object("v1", "Service", site.metadata(name, step)) | {
        "spec": {
            "selector": {SERVER: site.name(name)},
            "ports": [
                *({"name": title, "port": port, "targetPort": port} for title, port in ports.items()),
                {
                    "name": "throughput-udp",
                    "port": iperf.DEFAULT_PORT,
                    "targetPort": iperf.DEFAULT_PORT,
                    "protocol": "UDP",
                },
            ],
        }
    }


def claim(site: Site, step: Measure) -> Manifest | None:
    """Return the claim of a step that needs a new one."""
    if step.volume is None or step.volume.storage_class is None:
        return None
    return _object("v1", "PersistentVolumeClaim", site.metadata(step.name, step.name)) | {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": step.volume.storage_class,
            "resources": {"requests": {"storage": quantity.size(step.volume.size_bytes)}},
        }
    }


def sleeping_job(site: Site, name: str, *, step: str, deadline_seconds: int) -> Manifest:
    """Return the Job of a pod that does nothing, whose startup is what matters."""
    # As the first process of its container, `sleep` has no default action for SIGTERM: it would use up any grace.
    workload = Workload(command=["sleep", str(deadline_seconds)], size=SLEEPING, grace_seconds=1)
    return _job(site, name, step, workload, deadline_seconds=deadline_seconds)


def reaching_job(
    site: Site, name: str, *, step: str, targets: Mapping[str, str], node: str | None, deadline_seconds: int
) -> Manifest:
    """Return the Job that tries to reach servers, label -> address, and tells when each first answered."""
    errand = Reach(
        targets={label: f"{host(address)}:{echo.DEFAULT_PORT}" for label, address in targets.items()},
        seconds=deadline_seconds,
    )
    workload = Workload(command=_python(errand.model_dump_json()), size=SERVING, node=node)
    return _job(site, name, step, workload, deadline_seconds=deadline_seconds)


def as_list(manifests: list[Manifest]) -> str:
    """Return the text that `kubectl apply -f -` reads."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}, indent=2)


def host(address: str) -> str:
    """Write an address so that a port can follow: IPv6 in brackets."""
    try:
        return f"[{address}]" if ip_address(address).version == 6 else address
    except ValueError:
        return address


def _python(errand: str) -> list[str]:
    # The kubelet replaces `$(NAME)` in commands; in JSON a dollar can be written otherwise.
    return ["python3", "-m", "probes", errand.replace("$", "\\u0024")]


def _volume(site: Site, step: Measure) -> dict[str, Any]:
    if step.volume is None:
        return {}
    if step.volume.storage_class is not None:
        return {"claim": site.name(step.name)}
    if step.volume.existing_claim is not None:
        return {"claim": step.volume.existing_claim}
    return {"scratch_bytes": step.volume.size_bytes}


def _job(
    site: Site,
    name: str,
    step: str,
    workload: Workload,
    *,
    deadline_seconds: int,
    labels: Mapping[str, str] | None = None,
) -> Manifest:
    spec = _job_spec(
        site, step, workload, deadline_seconds=deadline_seconds, ttl_seconds=_FINISHED_SECONDS, labels=labels or {}
    )
    return _object("batch/v1", "Job", site.metadata(name, step)) | {"spec": spec}


def _job_spec(
    site: Site,
    step: str,
    workload: Workload,
    *,
    deadline_seconds: int,
    ttl_seconds: int,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "backoffLimit": 0,
        "activeDeadlineSeconds": deadline_seconds,
        "ttlSecondsAfterFinished": ttl_seconds,
        "template": {
            "metadata": {
                "labels": site.labels(step) | _NO_ISTIO | dict(labels or {}),
                "annotations": dict(_NO_LINKERD),
            },
            "spec": pod_spec(site, workload),
        },
    }


def _object(api_version: str, kind: str, metadata: dict[str, object]) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
