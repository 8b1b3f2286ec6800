"""Which steps of a cluster run are under way, as bars on a terminal; what they wait for, as lines, everywhere."""

from typing import TYPE_CHECKING

from agent.cli.bars import Bars
from agent.cli.cluster_plan import doing
from jobs.plan import Plan
from jobs.step import Step

if TYPE_CHECKING:
    from rich.progress import TaskID


class ClusterProgress(Bars):
    """Implements `jobs.launch.Progress`: a bar for the run, and a line for each step while it lasts."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._steps = len(plan.steps)
        self._ended = 0
        self._running: dict[str, tuple[TaskID, Step]] = {}
        self._run = self.progress.add_task("all", total=self._steps, now="")

    def tell_trouble(self, line: str) -> None:
        """Say why a pod is still waited for; from any thread."""
        self.say(f"still waiting: {line}")

    def __call__(self, step: Step, /, *, ended: bool) -> None:
        """Show a step that begins, or take away one that has ended."""
        if ended:
            self.progress.remove_task(self._running.pop(step.name)[0])
            self._ended += 1
        else:
            self._running[step.name] = (self.progress.add_task(step.name, total=None, now=doing(step)), step)
        pods = sum(running.cost.jobs for _, running in self._running.values())
        # Between two steps this is there for no longer than an eye could see; after the last, until all is removed.
        now = f"pods: up to {pods}" if self._running else "removing what was created"
        self.progress.update(self._run, completed=self._ended, now=f"{self._ended} of {self._steps} steps; {now}")
