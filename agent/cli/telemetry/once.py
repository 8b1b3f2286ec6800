"""`telemetry-agent once`: a whole cycle now, for a schedule of one's own, such as a CronJob."""

from pathlib import Path

import click

from agent.cli.telemetry.opened import open_agent
from agent.cli.telemetry.results import measured
from agent.daemon.cycle import Cycle
from agent.daemon.tasks import Ending, Task, TaskReport
from agent.delivery.answers import Action
from agent.errors import NotAllowed, StateUnusable
from agent.lock import held
from agent.log import Log
from agent.privacy.stops import Stop


@click.command(short_help="Collect and queue a report now, and send what is due.")
@click.option("--probe", is_flag=True, help="Launch probe Jobs first (at the detailed level).")
@click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Report what `probe run --output FILE` measured, instead of measuring.",
)
@click.pass_context
def once(ctx: click.Context, *, probe: bool, results: Path | None) -> None:
    """Do once what the daemon does on schedule, without waiting for more to send; exits with 3 where that fails.

    What could not be sent is kept for the next time. Fragments of the minimal level have times of their own to leave.
    """
    opened = open_agent(ctx)
    opened.state.prepare()
    cycle = Cycle(opened.settings, Log(opened.configuration.telemetry.log_format), at_once=True)
    with held(opened.state.lock):
        _check(Task.START, cycle.perform(Task.START))
        if results is not None:
            cycle.keep(measured(results, opened))
        for task in (*((Task.PROBE,) if probe else ()), Task.REPORT, Task.SEND):
            _check(task, cycle.perform(task))


def _check(task: Task, report: TaskReport) -> None:
    if report.ending is Ending.PAUSED and report.stop is not None:
        raise NotAllowed(f"paused: {Stop(report.stop).remedy}")
    if report.ending is not Ending.DONE:
        raise StateUnusable(report.problem or f"the task {task} was not done ({report.ending})")
    if {Action.RETRY, Action.PAUSE} & report.sent.keys():
        raise StateUnusable("the service takes nothing now: what waits is kept, `telemetry-agent status` shows it")
