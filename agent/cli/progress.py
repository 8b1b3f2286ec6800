"""What is happening, on stderr: a bar on a terminal, a line at each start and end elsewhere."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from probes.measure.result import PhaseKind, ProbeResult, Status
from probes.measure.units import format_seconds
from probes.runner import Request


class Progress:
    """Announces each probe's intentions before it begins and its phases while it runs."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._total = len(requests)
        self._started = 0
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[phase]}"),
        )
        self._bars = Bars(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, request: Request) -> None:
        """Say what the probe is about to do."""
        self._started += 1
        self._say(f"[{self._started}/{self._total}] {request.name}, about {format_seconds(request.plan.seconds)}")
        for intention in request.plan.intentions:
            self._say(f"      {intention}")
        self._task = self._bars.add_task(request.name, total=None, phase="")

    def phase(self, name: str, kind: PhaseKind) -> None:
        """Show the phase that begins."""
        if self._task is not None:
            label = name if kind is PhaseKind.MEASURE else f"{name} ({kind.value})"
            self._bars.update(self._task, phase=label)

    def end(self, result: ProbeResult) -> None:
        """Say how the probe ended."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        if result.status is Status.UNAVAILABLE:
            self._say(f"      unavailable: {result.reason}")

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)
