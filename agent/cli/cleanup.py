"""`probe cleanup`: remove what runs that were killed have left in a cluster."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from agent.cli.options import DURATION, Parsed, format_option
from agent.kube.cluster import connect
from jobs.cleanup import Leftover, left_behind, sweep
from probes.measure.units import parse_duration
from probes.runner import signals_interrupt

# As long as a run may take by default, and what it may need to end (`jobs.guard.Limits`, `jobs.launch`): what is older
# belongs to no run that is still under way.
_OLDER_THAN = "130m"


def _age(text: str) -> float:
    return 0.0 if text.strip() == "0" else parse_duration(text)


@click.command(short_help="Remove whatever earlier runs have left in a cluster.")
@click.option("--context", metavar="NAME", help="The kubeconfig's context; default: its current one.")
@click.option("--namespace", metavar="NAME", help="Where to look; default: the context's namespace.")
@click.option("--all-namespaces", is_flag=True, help="Look into all of them.")
@click.option(
    "--older-than",
    type=Parsed(DURATION.name, _age),
    metavar="TIME",
    default=_OLDER_THAN,
    show_default=True,
    help="Leave what is younger: it may belong to a run under way. 0 removes everything.",
)
@click.option(
    "--wait",
    type=DURATION,
    metavar="TIME",
    default="60s",
    show_default=True,
    help="How long to see whether what was deleted is gone.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@format_option
@click.pass_context
def cleanup(  # noqa: PLR0913  one for each option
    ctx: click.Context, /, *, context: str | None, namespace: str | None, all_namespaces: bool, older_than: float,
    wait: float, dry_run: bool, form: str,
) -> None:  # fmt: skip
    """Remove Jobs, Services, claims and ConfigMaps of runs that are over, and of those that were killed.

    Exits with 3 where something remains.

    \b
    Examples:
      probe cleanup --dry-run
      probe cleanup --all-namespaces
      probe cleanup --older-than 0     nobody else is measuring here
    """  # noqa: D301  \b is click's mark for a block to be left as it is
    if all_namespaces and namespace:
        raise click.UsageError("--namespace and --all-namespaces contradict one another: give one of them")
    now, age = datetime.now(UTC), timedelta(seconds=older_than)
    remaining: tuple[Leftover, ...] = ()
    with signals_interrupt():
        cluster = connect(context=context)
        where = None if all_namespaces else namespace or cluster.namespace
        if dry_run:
            found = left_behind(cluster, namespace=where, now=now, older_than=age)
        else:
            found, remaining = sweep(cluster, namespace=where, now=now, older_than=age, patience_seconds=wait)
        everything = left_behind(cluster, namespace=where, now=now, older_than=timedelta(0))
    young = [each for each in everything if each not in {*found, *remaining}]
    _tell(found, remaining, young, dry_run=dry_run, form=form)
    ctx.exit(3 if remaining else 0)


def _tell(
    found: Sequence[Leftover], remaining: Sequence[Leftover], young: Sequence[Leftover], *, dry_run: bool, form: str
) -> None:
    if form == "json":
        lists = {"found": found, "remaining": remaining, "left_alone": young}
        click.echo(json.dumps({name: [asdict(each) for each in some] for name, some in lists.items()}, indent=2))
    else:
        for each in found:
            became = "found  " if dry_run else "remains" if each in remaining else "removed"
            click.echo(f"{became}  {_name(each)}")
        for each in remaining:
            if each not in found:
                click.echo(f"remains  {_name(each)}")
        if not found:
            click.echo("nothing was left behind" if not young else "nothing was left behind that is old enough")
    if young:
        runs = len({each.run_id for each in young})
        click.echo(
            f"probe: {len(young)} objects of {runs} run(s) that may be under way were left alone: "
            "--older-than 0 removes them as well",
            err=True,
        )
    if remaining:
        click.echo("probe: something remains: is a finalizer in its way? See `kubectl describe`", err=True)


def _name(leftover: Leftover) -> str:
    return f"{leftover.kind:<22} {leftover.namespace}/{leftover.name}  run {leftover.run_id}"
