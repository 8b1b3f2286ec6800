"""`probe run`: choose, announce, measure, show."""

from collections.abc import Sequence
from pathlib import Path

import click

from agent.cli import local_run
from agent.cli.cluster_options import LOCAL, ClusterOptions, RunCommand, with_cluster_options
from agent.cli.destinations import Destinations, with_destinations
from agent.cli.measured import Measured
from agent.cli.options import format_option
from agent.cli.table import print_run
from probes.catalogue import CATALOGUE
from probes.measure.result import RunResult
from probes.probe import Profile


@click.command(cls=RunCommand, short_help="Measure this machine, or a cluster.")
@click.argument("probes", nargs=-1, metavar="[PROBE]...")
@click.option(
    "--profile",
    type=click.Choice([profile.value for profile in Profile]),
    default=Profile.QUICK.value,
    show_default="quick",
    help="quick: all within a minute, indicative. standard: figures to rely on. thorough: until steady.",
)
@click.option("--path", metavar="DIR", help="storage: the directory whose disk to measure.")
@click.option("--size", metavar="SIZE", help="storage: size of the test file, such as 4GiB.")
@click.option("--server", metavar="HOST[:PORT]", help="latency, throughput: the machine that runs `probe serve`.")
@click.option("--rate", metavar="N", help="latency: requests a second of the open loop.")
@click.option("--name", "names", multiple=True, metavar="NAME", help="dns: a name to look up; repeatable.")
@click.option("--duration", metavar="TIME", help="How long one round lasts, such as 500ms or 30s.")
@format_option
@with_destinations
@with_cluster_options
@click.pass_context
def run(ctx: click.Context, /, *, probes: tuple[str, ...], profile: Profile, form: str, destinations: Destinations,
        cluster: ClusterOptions, **options: str | tuple[str, ...] | None) -> None:  # fmt: skip
    """Measure this machine or a cluster: all of it, or the PROBEs named (see `probe list`).

    \b
    Examples:
      probe run                                    everything, within a minute
      probe run storage --profile standard         figures to rely on
      probe run latency --server 10.0.0.7          against `probe serve` there
      probe run all --format json --output r.json
      probe run storage --export pytest-benchmark r.json
      probe run --target cluster                   the cluster that kubectl talks to
      probe run storage --storage-class fast --dry-run | kubectl apply --dry-run=server -f -
    """  # noqa: D301  \b is click's mark for a block to be left as it is
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items() if value}
    chosen = list(CATALOGUE) if not probes or "all" in probes else list(dict.fromkeys(probes))
    destinations.check()
    if cluster.chosen_target == LOCAL:
        requests = local_run.prepare_all(chosen, Profile(profile), dict(given))
        click.echo("Target: this machine", err=True)
        _finish(ctx, local_run.measure(requests, Profile(profile)), form, destinations)
    from agent.cli import cluster_run  # noqa: PLC0415  who measures this machine must not pay for it

    asked = cluster_run.Asked(probes=tuple(chosen), profile=Profile(profile), options=given, cluster=cluster)
    if cluster.dry_run:
        cluster_run.show(asked, destinations.files)
    else:
        _finish(ctx, cluster_run.measure(asked), form, destinations)


def _finish(ctx: click.Context, measured: Measured, form: str, destinations: Destinations) -> None:
    """Write, show, and exit with the documented code."""
    result = measured.result
    for remark in measured.remarks:
        click.echo(f"probe: {remark}", err=True)
    if result.results:
        destinations.write(result)
    if measured.stopped_by_signal is not None:
        finished = f"{len(result.results)} of {measured.asked} probes had finished"
        files = ", ".join(map(str, destinations.files))
        kept = f" and are in {files}" if files and result.results else ""
        clean = "" if measured.remarks else "; nothing was left behind"
        click.echo(f"probe: stopped; {finished}{kept}{clean}", err=True)
        ctx.exit(128 + measured.stopped_by_signal)
    _show(result, form, destinations.files)
    ctx.exit(0 if measured.is_complete else 3)


def _show(result: RunResult, form: str, files: Sequence[Path]) -> None:
    if form == "json":
        click.echo(result.model_dump_json(indent=2))
    else:
        print_run(result)
    for path in files:
        click.echo(f"Result: {path.resolve()}", err=form == "json")
