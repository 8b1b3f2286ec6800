"""`probe run`: choose, announce, measure, show."""

from collections.abc import Sequence
from pathlib import Path

import click

from agent.cli.destinations import Destinations, with_destinations
from agent.cli.options import format_option
from agent.cli.progress import Progress
from agent.cli.table import print_run
from probes import echo
from probes.catalogue import CATALOGUE, entry
from probes.errors import Interrupted, InvalidRequest
from probes.measure.result import RunResult, Status
from probes.probe import Profile
from probes.runner import Request, Run, prepare, run_probe, signals_interrupt


@click.command(short_help="Measure this machine.")
@click.argument("names", nargs=-1, metavar="[PROBE]...")
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
@click.option("--name", "names_to_look_up", multiple=True, metavar="NAME", help="dns: a name to look up; repeatable.")
@click.option("--duration", metavar="TIME", help="How long one round lasts, such as 500ms or 30s.")
@format_option
@with_destinations
@click.pass_context
def run(ctx: click.Context, /, *, names: tuple[str, ...], profile: Profile, form: str, destinations: Destinations,
        names_to_look_up: tuple[str, ...], **options: str | None) -> None:  # fmt: skip
    """Measure this machine: all of it, or the PROBEs named (see `probe list`).

    \b
    Examples:
      probe run                                    everything, within a minute
      probe run storage --profile standard         figures to rely on
      probe run latency --server 10.0.0.7          against `probe serve` there
      probe run all --format json --output r.json
      probe run storage --export pytest-benchmark r.json
    """  # noqa: D301  \b is click's mark for a block to be left as it is
    given: dict[str, object] = {key: value for key, value in options.items() if value is not None}
    if names_to_look_up:
        given["names"] = list(names_to_look_up)
    destinations.check()
    requests = _prepare_all(names, Profile(profile), given)
    run_state = Run(profile=Profile(profile))
    interruption = _measure_all(requests, run_state)
    result = run_state.result()
    if result.results:
        destinations.write(result)
    if interruption is not None:
        finished = f"{len(result.results)} of {len(requests)} probes had finished"
        files = ", ".join(map(str, destinations.files))
        kept = f" and are in {files}" if files and result.results else ""
        click.echo(f"probe: stopped; {finished}{kept}; nothing was left behind", err=True)
        ctx.exit(128 + interruption.signal_number)
    _show(result, form, destinations.files)
    ctx.exit(0 if all(each.status is Status.MEASURED for each in result.results) else 3)


def _prepare_all(names: tuple[str, ...], profile: Profile, options: dict[str, object]) -> list[Request]:
    """Decide all requests before the first is measured: a mistake must not surface after minutes."""
    chosen = list(CATALOGUE) if not names or "all" in names else list(dict.fromkeys(names))
    accepted = {name: entry(name).options for name in chosen}
    if "server" in options and {"latency", "throughput"} <= set(chosen) and echo.names_port(str(options["server"])):
        raise InvalidRequest("a port in --server is for one probe: run latency and throughput apart, or leave it out")
    surplus = sorted(set(options).difference(*accepted.values()))
    if surplus:
        raise InvalidRequest(f"--{surplus[0].removesuffix('s')} means nothing to {', '.join(chosen)}: leave it out")
    return [
        prepare(name, profile, {key: value for key, value in options.items() if key in accepted[name]})
        for name in chosen
    ]


def _measure_all(requests: list[Request], run_state: Run) -> Interrupted | None:
    """Run the probes one after another, so that none disturbs another; return the interruption where there was one."""
    try:
        with signals_interrupt(), Progress(requests) as progress:
            for request in requests:
                progress.begin(request)
                result = run_probe(request, progress.phase)
                run_state.results.append(result)
                progress.end(result)
    except Interrupted as interruption:
        return interruption
    return None


def _show(result: RunResult, form: str, files: Sequence[Path]) -> None:
    if form == "json":
        click.echo(result.model_dump_json(indent=2))
    else:
        print_run(result)
    for path in files:
        click.echo(f"Result: {path.resolve()}", err=form == "json")
