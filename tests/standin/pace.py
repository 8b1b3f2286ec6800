"""How long the steps of the cluster's components take."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds. The defaults keep the order of a real cluster and hurry, for tests."""

    scheduling: float = 0.005
    sandbox: float = 0.03
    """From what the kubelet does first until the pod's network and namespaces are there."""
    pull: float = 0.2
    """Of an image that the node doesn't have."""
    creation: float = 0.005
    """Of a container, before it starts."""
    status_lag: float = 0.01
    """Until the kubelet tells what has happened."""
    finish_lag: float = 0.03
    """Until the kubelet tells that a pod has ended, after its containers."""
    job_sync: float = 0.02
    """Until the Job controller counts what has ended."""
    endpoints: float = 0.02
    provisioning: float = 0.05
    readiness_period: float = 0.1
    """In place of the pod's own period if shorter."""


# Taken from watches of a real two-node cluster (Kubernetes 1.36, containerd 2.1, local-path), rounded.
RECORDED = Pace(
    scheduling=0.008,
    sandbox=0.45,
    pull=2.0,
    status_lag=0.1,
    finish_lag=1.0,
    job_sync=1.0,
    endpoints=0.3,
    provisioning=3.0,
    readiness_period=1.0,
)


class Delays:
    """The controllers' clock. It remembers since when something is waited for; `next_due` is when to look again."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._ahead_seconds = 0.0
        self.next_due = float("inf")

    def now(self) -> float:
        """Seconds."""
        return time.monotonic() + self._ahead_seconds

    def advance(self, seconds: float) -> None:
        """Let so much time pass for the controllers at once; pods and their commands live on as before."""
        self._ahead_seconds += seconds

    def over(self, key: str, seconds: float) -> bool:
        """Whether it is `seconds` since `key` was first asked for."""
        now = self.now()
        due = self._since.setdefault(key, now) + seconds
        if now >= due:
            return True
        self.next_due = min(self.next_due, due)
        return False

    @property
    def wait_seconds(self) -> float:
        """How long there is nothing to do."""
        return self.next_due - self.now()
