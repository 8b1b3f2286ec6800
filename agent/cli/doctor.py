"""`probe doctor`: can each probe work here, with what, and if not, what mends it."""

import json
from dataclasses import asdict, dataclass

import click

from agent.cli.options import format_option
from probes.catalogue import CATALOGUE, load
from probes.errors import ProbeError
from probes.measure.result import Facts
from probes.probe import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found out about one probe."""

    probe: str
    ready: bool
    facts: Facts
    remedy: str | None


@click.command(short_help="Find out what is missing here, and how to mend it.")
@click.option("--path", metavar="DIR", help="storage: the directory whose disk is to be measured.")
@click.option("--server", metavar="HOST[:PORT]", help="latency, throughput: the machine that runs `probe serve`.")
@format_option
@click.pass_context
def doctor(ctx: click.Context, /, *, form: str, **options: str | None) -> None:
    """Check each probe without measuring; exits with 3 where one could not work."""
    given: dict[str, object] = {key: value for key, value in options.items() if value is not None}
    findings = [_examine(name, given) for name in CATALOGUE]
    if form == "json":
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _print(finding)
    ctx.exit(0 if all(finding.ready for finding in findings) else 3)


def _examine(name: str, options: dict[str, object]) -> Finding:
    probe = load(name)
    accepted = {key: value for key, value in options.items() if key in CATALOGUE[name].options}
    try:
        facts = probe.check(probe.spec(Profile.QUICK, accepted))
    except ProbeError as error:
        return Finding(probe=name, ready=False, facts={}, remedy=str(error))
    return Finding(probe=name, ready=True, facts=facts, remedy=None)


def _print(finding: Finding) -> None:
    state = click.style("ready  ", fg="green") if finding.ready else click.style("missing", fg="yellow")
    found = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in finding.facts.items())
    click.echo(f"{finding.probe:<12} {state}  {finding.remedy or found}")
