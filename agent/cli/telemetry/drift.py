"""`telemetry-agent drift`: what has changed over the runs that are kept here."""

import json
from dataclasses import asdict

import click

from agent.cli.options import format_option
from agent.cli.telemetry.opened import open_agent
from agent.daemon.keeping import findings, history
from agent.privacy.install_secret import read_keys
from probes.measure.drift import Finding, Kind
from probes.measure.units import format_quantity


@click.command(short_help="Show what has changed over the runs kept here.")
@format_option
@click.pass_context
def drift(ctx: click.Context, form: str) -> None:
    """Show each metric whose level changed or begins to; exits with 1 where any got worse.

    Storage classes are kept as keyed digests. They are shown by name where the cluster can be asked for its classes.
    """
    opened = open_agent(ctx)
    found: tuple[Finding, ...] = ()
    if opened.state.history.exists():
        with history(opened.state.history, lambda text: click.echo(text, err=True)) as kept:
            found = findings(kept)
    keys = read_keys(opened.state.secret) if found else None
    if keys is not None:
        from agent.cli.telemetry.class_names import with_names  # noqa: PLC0415  the client is for who has findings

        found = with_names(found, opened.settings, keys.kept_names, tell=lambda text: click.echo(text, err=True))
    if form == "json":
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2, default=str))
    else:
        for finding in found:
            click.echo(_line(finding))
        if not found:
            click.echo("Nothing has changed over the runs kept here.")
    ctx.exit(1 if any(finding.worse for finding in found) else 0)


def _line(finding: Finding) -> str:
    before, after = (
        value if isinstance(value, str) or finding.unit is None else format_quantity(value, finding.unit)
        for value in (finding.before, finding.after)
    )
    judged = {True: "worse", False: "better", None: "changed"}[finding.worse]
    when = f", since {finding.since:%Y-%m-%d}" if finding.since is not None else ", lately"
    sure = f", p = {finding.p_value:.2g}" if finding.p_value is not None else ""
    doubt = " (an early warning)" if finding.kind is Kind.DRIFTING else ""
    return f"{finding.subject} {finding.title}: {judged} from {before} to {after}{when}{sure}{doubt}"
