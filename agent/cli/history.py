"""`probe history`: the runs kept on this machine, listed, named, shown again, and their metrics over time."""

import json
from collections.abc import Sequence
from typing import Any

import click
from rich import box
from rich.table import Table
from rich.text import Text

from agent.cli.kept import open_history
from agent.cli.layout import console_for_tables
from agent.cli.options import format_option
from agent.cli.table import print_run
from agent.cli.trend import Trend, print_trend, trend_of
from agent.results.history import KeptRun
from probes.catalogue import CATALOGUE


@click.group(short_help="Runs kept on this machine: list, tag, trend.", invoke_without_command=True)
@format_option
@click.pass_context
def history(ctx: click.Context, *, form: str) -> None:
    """List the runs kept on this machine, the newest first, or do more with them.

    A RUN is the beginning of its id, a tag, `latest`, or `latest~N`: N runs before the latest.

    \b
    Examples:
      probe history                               what there is
      probe history tag latest before-upgrade     a name for the latest run
      probe history show before-upgrade           its table again
      probe history trend storage read_latency    one metric over all runs alike
    """  # noqa: D301  \b is click's mark for a block to be left as it is
    if ctx.invoked_subcommand is None:
        with open_history() as kept:
            runs = kept.runs()
        if form == "json":
            _print_json([_as_json(run) for run in runs])
        else:
            _print_runs(runs)


@history.command(short_help="Give a run a name.")
@click.argument("run", metavar="RUN")
@click.argument("name", metavar="NAME")
@format_option
def tag(*, run: str, name: str, form: str) -> None:
    """Give RUN the NAME, which another run loses if it has it. Tagged runs are never dropped for their age."""
    with open_history() as kept:
        found = kept.find(run)
        previous = next((each for each in kept.runs() if name in each.tags), None)
        kept.tag(found, name)
    moved = f" (was {previous.short_id})" if previous and previous != found else ""
    _report(form, found, f"{name}: run {found.short_id}{moved}", tag=name)


@history.command(short_help="Take a name away.")
@click.argument("name", metavar="NAME")
@format_option
def untag(*, name: str, form: str) -> None:
    """Take the NAME away from the run that has it; the run stays."""
    with open_history() as kept:
        found = kept.untag(name)
    _report(form, found, f"{name}: no longer run {found.short_id}", tag=name)


@history.command(short_help="Print a run again.")
@click.argument("run", metavar="RUN")
@format_option
def show(*, run: str, form: str) -> None:
    """Print RUN as `probe run` did: its table, or its whole result as JSON."""
    with open_history() as kept:
        result = kept.load(kept.find(run))
    if form == "json":
        click.echo(result.model_dump_json(indent=2))
    else:
        print_run(result)


@history.command(short_help="Show a metric over time, with the places where its level changed.")
@click.argument("probe", metavar="PROBE")
@click.argument("metric", metavar="METRIC")
@click.option("--like", metavar="RUN", help="Join the runs that measured as this one did; default: as the newest.")
@format_option
def trend(*, probe: str, metric: str, like: str | None, form: str) -> None:
    """Show METRIC of PROBE over all kept runs that measured it alike, and mark where its level changed.

    The names are those of `probe run --format json`, such as `storage read_latency`.
    """
    with open_history() as kept:
        series = kept.series(probe, metric, None if like is None else kept.find(like))
    found = trend_of(series)
    if form == "json":
        _print_json(_trend_as_json(found))
    else:
        print_trend(found)


@history.command(short_help="Forget a run.")
@click.argument("run", metavar="RUN")
@format_option
def remove(*, run: str, form: str) -> None:
    """Forget RUN and its tags for good."""
    with open_history() as kept:
        found = kept.find(run)
        kept.remove(found)
    _report(form, found, f"removed run {found.short_id} of {found.started_at.astimezone():%Y-%m-%d %H:%M}")


def _probes(run: KeptRun) -> str:
    return "all" if set(run.probes) == set(CATALOGUE) else ", ".join(run.probes)


def _report(form: str, run: KeptRun, line: str, **more: str) -> None:
    if form == "json":
        _print_json({"run_id": run.run_id} | more)
    else:
        click.echo(line)


def _print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


def _as_json(run: KeptRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "started_at": run.started_at.isoformat(),
        "profile": run.profile,
        "target": run.target,
        "probes": run.probes,
        "tags": run.tags,
    }


def _trend_as_json(trend: Trend) -> dict[str, Any]:
    series = trend.series
    return {
        "probe": series.probe,
        "metric": series.metric,
        "title": series.title,
        "unit": series.unit.value,
        "better": series.better.value,
        "conditions": series.conditions,
        "runs_measured_otherwise": series.others,
        "points": [
            _as_json(point.run) | {"median": point.median, "low": point.low, "high": point.high}
            for point in series.points
        ],
        "changes": [change.model_dump() for change in trend.changes],
        "no_changes_because": trend.abstained,
    }


def _print_runs(runs: Sequence[KeptRun]) -> None:
    if not runs:
        click.echo("no runs are kept yet: `probe run` keeps each one", err=True)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("run", "began", "profile"):
        table.add_column(heading, no_wrap=True)
    table.add_column("probes")
    table.add_column("tags", style="bold")
    for run in runs:
        began = f"{run.started_at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(run.short_id, began, run.profile, Text(_probes(run)), Text(", ".join(run.tags)))
    console_for_tables().print(table)
