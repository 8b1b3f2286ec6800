"""Which steps of a cluster run are under way, as bars on a terminal; what they wait for, as lines, everywhere."""

from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from agent.cli.cluster_plan import doing
from jobs.plan import Plan
from jobs.step import Step


class ClusterProgress:
    """Implements `jobs.launch.Progress`: a bar for the run, and a line for each step while it lasts."""

    def __init__(self, plan: Plan) -> None:
        console = Console(stderr=True, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TimeElapsedColumn(),
            TextColumn("{task.fields[what]}", markup=False),
        )
        self._bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._console = console
        self._steps = len(plan.steps)
        self._ended = 0
        self._running: dict[str, tuple[TaskID, Step]] = {}
        self._run = self._bars.add_task("all", total=self._steps, what="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a hang-up there is no terminal any more; what was measured is not to be lost over that.
        with suppress(OSError):
            self._bars.stop()

    def tell_trouble(self, line: str) -> None:
        """Say why a pod is still waited for, above the bars; from any thread."""
        with suppress(OSError):
            self._console.print(f"still waiting: {line}", markup=False, soft_wrap=True)

    def __call__(self, step: Step, /, *, ended: bool) -> None:
        """Show a step that begins, or take away one that has ended."""
        if ended:
            self._bars.remove_task(self._running.pop(step.name)[0])
            self._ended += 1
        else:
            self._running[step.name] = (self._bars.add_task(step.name, total=None, what=doing(step)), step)
        pods = sum(running.cost.jobs for _, running in self._running.values())
        # Between two steps this is there for no longer than an eye could see; after the last, until all is removed.
        now = f"pods: up to {pods}" if self._running else "removing what was created"
        what = f"{self._ended} of {self._steps} steps; {now}"
        self._bars.update(self._run, completed=self._ended, what=what)
