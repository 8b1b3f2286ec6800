"""What is happening on this machine: what each probe is about to do, and its phases while it runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.cli.bars import Bars
from probes.measure.result import PhaseKind, ProbeResult, Status
from probes.measure.units import format_seconds
from probes.runner import Request

if TYPE_CHECKING:
    from rich.progress import TaskID


# Below the name of the probe, behind its number.
_INDENTATION = 6


class Progress(Bars):
    """Announces each probe's intentions before it begins and its phases while it runs."""

    def __init__(self, requests: Sequence[Request]) -> None:
        super().__init__()
        self._total = len(requests)
        self._started = 0
        self._task: TaskID | None = None

    def begin(self, request: Request) -> None:
        """Say what the probe is about to do."""
        self._started += 1
        self.say(f"[{self._started}/{self._total}] {request.name}, about {format_seconds(request.plan.seconds)}")
        for intention in request.plan.intentions:
            self.say(intention, indentation=_INDENTATION)
        self._task = self.progress.add_task(request.name, total=None, now="")

    def phase(self, name: str, kind: PhaseKind) -> None:
        """Show the phase that begins."""
        if self._task is not None:
            now = name if kind is PhaseKind.MEASURE else f"{name} ({kind.value})"
            self.progress.update(self._task, now=now)

    def end(self, result: ProbeResult) -> None:
        """Say how the probe ended."""
        if self._task is not None:
            self.progress.remove_task(self._task)
            self._task = None
        if result.status is Status.UNAVAILABLE:
            self.say(f"unavailable: {result.reason}", indentation=_INDENTATION)
