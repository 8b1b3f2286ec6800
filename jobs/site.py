"""Where a run's objects live and what all of them share: namespace, names, labels, owner. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobs.objects import Meta

_PREFIX = "prism-telemetry-agent"
MANAGED_BY = "app.kubernetes.io/managed-by"
RUN, STEP, SERVER, EXPIRES = (f"{_PREFIX}/{word}" for word in ("run", "step", "server", "expires"))
ALL_RUNS = f"{MANAGED_BY}={_PREFIX}"
"""The label selector of whatever any run has created."""


def name_pattern() -> str:
    """Return a regular expression for the names of all that runs create, pods' random ends included."""
    return r"\bprobe-[0-9a-z]+(?:-[0-9a-z]+)+\b"


def has_expired(labels: Mapping[str, str], now: datetime) -> bool | None:
    """Tell by an object's labels whether the time of its run is over; None where they don't say."""
    expires = labels.get(EXPIRES, "")
    return int(expires) <= now.timestamp() if expires.isdigit() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A run's place in a cluster, and what its pods are like."""

    run_id: str
    namespace: str
    image: str
    expires_unix_seconds: int
    """When the cluster removes everything by itself; also a label, by which a sweep knows what has outlived its run."""
    owner: Meta | None = None
    """The run's ConfigMap, once it is there: everything else belongs to it."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    tolerated_taints: tuple[str, ...] = ()
    node_labels: Mapping[str, str] = field(default_factory=dict)
    architectures: tuple[str, ...] = ()
    user: int | None = 65532
    """User and group of the pods; None leaves both to the cluster, where it assigns a range to each namespace."""

    @property
    def selector(self) -> str:
        """The label selector of all objects of this run."""
        return f"{RUN}={self.run_id}"

    def name(self, part: str) -> str:
        """Return the name of an object of this run."""
        return f"probe-{self.run_id}-{part}"

    def labels(self, step: str) -> dict[str, str]:
        """Return the labels of an object that a step needs."""
        return {
            "app.kubernetes.io/name": "probe",
            MANAGED_BY: _PREFIX,
            RUN: self.run_id,
            STEP: step,
            EXPIRES: str(self.expires_unix_seconds),
        }

    def metadata(self, name: str, step: str) -> dict[str, object]:
        """Return the metadata of an object of this run."""
        metadata: dict[str, object] = {
            "name": self.name(name),
            "namespace": self.namespace,
            "labels": self.labels(step),
        }
        if self.owner is not None:
            metadata["ownerReferences"] = [owner_reference("v1", "ConfigMap", self.owner)]
        return metadata


def owner_reference(api_version: str, kind: str, owner: Meta) -> dict[str, object]:
    """Return a line of `ownerReferences`.

    It doesn't block the owner's deletion: that would take the permission to update the owner's finalizers.
    """
    return {"apiVersion": api_version, "kind": kind, "name": owner.name, "uid": owner.uid}
