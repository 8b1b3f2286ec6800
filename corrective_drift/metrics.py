"""What the service counts about itself. No label is a client's, a cluster's or a token's."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]
# From a commit to memory to a disk that stalls.
_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
_REQUESTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "corrective_drift_requests", "Requests by endpoint and status.", ["endpoint", "status"], registry=registry
        )
        self.documents = Counter(
            "corrective_drift_documents", "Documents taken, by level.", ["level"], registry=registry
        )
        self.waiting = Gauge("corrective_drift_waiting", "Requests that wait for the store.", registry=registry)
        self.commit_seconds = Histogram(
            "corrective_drift_commit_seconds", "Time of a transaction.", buckets=_SECONDS, registry=registry
        )
        self.commit_requests = Histogram(
            "corrective_drift_commit_requests", "Requests in a transaction.", buckets=_REQUESTS, registry=registry
        )
        self.store_failures = Counter("corrective_drift_store_failures", "Transactions that failed.", registry=registry)

    def text(self) -> bytes:
        """Return them in Prometheus' text format."""
        return generate_latest(self._registry)
