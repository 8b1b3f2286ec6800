"""What a run brought, wherever it measured: what `probe run` shows, writes and makes its exit code of."""

from dataclasses import dataclass

from probes.measure.result import RunResult, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A run that came to its end, or was stopped."""

    result: RunResult
    asked: int
    """How many probes were asked for."""
    stopped_by_signal: int | None = None
    remarks: tuple[str, ...] = ()
    """What ended it before its time, and what was left behind; a line each."""

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for was measured, and nothing was left behind."""
        return not self.remarks and all(each.status is Status.MEASURED for each in self.result.results)
