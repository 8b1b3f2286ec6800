"""The agent's own metrics, for Prometheus. Labels are words of closed lists."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from agent.daemon.tasks import Ending, Task, TaskReport

_PREFIX = "prism_telemetry"
# Others don't look at the history.
_KNOW_DRIFT = {Task.START, Task.PROBE}
# From a cluster that answers at once to a Job that has to pull its image first.
_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)


class Metrics:
    """Counts what tasks tell."""

    def __init__(self) -> None:
        # When a counter was made is when the agent started, which Prometheus sees by itself.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the package's own
        self._registry = CollectorRegistry()
        self._tasks = self._counter("tasks", "Tasks that ended, by how.", "task", "ending")
        self._seconds = Histogram(
            f"{_PREFIX}_task_seconds", "How long tasks took.", ["task"], buckets=_SECONDS, registry=self._registry
        )
        self._collectors = self._counter(
            "collector_runs", "Runs of collectors, by how they ended.", "collector", "status"
        )
        self._unreadable = self._counter(
            "unreadable_objects", "Objects that a collector left out: their amounts can't be read.", "collector"
        )
        self._queued = self._counter("documents_queued", "Documents put into the outbox.")
        self._sent = self._counter("documents_sent", "Documents that the service has acknowledged.")
        self._dropped = self._counter("documents_dropped", "Documents that were lost, by why.", "reason")
        self._requests = self._counter("requests", "Requests to the service, by how they ended.", "outcome")
        self._probes = self._counter("probes", "Probes that measured, or could not.", "outcome")
        self._paused = self._gauge("paused", "Whether the agent is paused; the label says why.", "reason")
        self._drift = self._gauge("drift_findings", "What the last look at the history found.", "kind")
        self._success = self._gauge("last_success_timestamp_seconds", "When a task was last done.", "task")
        self._rows = self._gauge("outbox_documents", "Documents that wait.")
        self._bytes = self._gauge("outbox_bytes", "How many bytes wait.")
        self._oldest = self._gauge("outbox_oldest_seconds", "The age of the oldest document that waits.")
        self._dead = self._gauge("outbox_dead_letters", "Documents that the service refused for good.")

    def note(self, task: Task, report: TaskReport, *, now_seconds: float) -> None:
        """Count a task that has ended."""
        self._tasks.labels(task.value, report.ending.value).inc()
        self._seconds.labels(task.value).observe(report.seconds)
        if report.ending is Ending.DONE:
            self._success.labels(task.value).set(now_seconds)
        self._queued.inc(report.queued)
        self._sent.inc(report.documents_sent)
        for name, status in report.statuses.items():
            self._collectors.labels(name, status).inc()
        for name, count in report.unreadable.items():
            self._unreadable.labels(name).inc(count)
        for reason, count in report.dropped.items():
            self._dropped.labels(reason).inc(count)
        for outcome, count in report.sent.items():
            self._requests.labels(outcome).inc(count)
        self._probes.labels("measured").inc(report.measured)
        self._probes.labels("unavailable").inc(report.unavailable)
        if task in _KNOW_DRIFT and report.ending is Ending.DONE:
            self._drift.clear()
            for kind, count in report.findings.items():
                self._drift.labels(kind).set(count)

    def note_pause(self, reason: str | None) -> None:
        """Say why the agent is paused, or that it isn't."""
        self._paused.clear()
        if reason is not None:
            self._paused.labels(reason).set(1)

    def note_outbox(self, *, documents: int, size_bytes: int, oldest_seconds: float, dead_letters: int) -> None:
        """Say what waits."""
        self._rows.set(documents)
        self._bytes.set(size_bytes)
        self._oldest.set(oldest_seconds)
        self._dead.set(dead_letters)

    def text(self) -> bytes:
        """Return all in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", what, labels, registry=self._registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", what, labels, registry=self._registry)
