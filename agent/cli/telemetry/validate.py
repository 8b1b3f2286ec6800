"""`telemetry-agent validate`: whether a configuration is right, and what it means."""

import click

from agent.cli.telemetry.opened import open_agent
from agent.cli.telemetry.statement import statement


@click.command(short_help="Check the configuration.")
@click.pass_context
def validate(ctx: click.Context) -> None:
    """Check the configuration and say in plain words what it means; exits with 2 where it can't be followed."""
    opened = open_agent(ctx)
    sources = ", ".join(opened.settings.sources) or "defaults alone"
    click.echo(f"The configuration is valid (from {sources}).")
    for line in statement(opened.settings):
        click.echo(line)
