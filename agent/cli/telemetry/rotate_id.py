"""`telemetry-agent rotate-id`: new identifiers from now on."""

import click

from agent.cli.telemetry.asking import insist
from agent.cli.telemetry.opened import now, open_agent
from agent.daemon.consent_changes import rotate


@click.command(short_help="Become another cluster to the service from now on.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def rotate_id(ctx: click.Context, *, yes: bool) -> None:
    """Replace the install secret: nothing sent from now on can be related to what was sent before.

    What was sent before can then no longer be deleted by this agent: run `telemetry-agent delete-data` first. What
    waits is forgotten, since it has the old identifiers.
    """
    opened = open_agent(ctx)
    if not yes:
        insist("What was sent before can't be deleted by this agent afterwards. Go on?")
    opened.state.prepare()
    rotate(opened.state, opened.consent(), now=now(), retention_days=opened.retention_days)
    click.echo("The identifiers are new.")
