"""`telemetry-agent token`: what signs a person in at the service's pages."""

import json

import click

from agent.cli.options import format_option
from agent.cli.telemetry.asking import insist
from agent.cli.telemetry.opened import open_agent
from agent.cli.telemetry.talk import keys_of


@click.command(short_help="Show the cluster's id and token, for signing in at the service.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option
@click.pass_context
def token(ctx: click.Context, form: str, *, yes: bool) -> None:
    """Print the cluster's id and its token, by which a person signs in at the service's dashboard.

    Who has the token can see and erase what this cluster has sent: keep it from logs and chats.
    """
    opened = open_agent(ctx)
    keys = keys_of(opened)
    if not yes:
        service = opened.configuration.telemetry.service
        insist(f"Who sees the token can read and erase this cluster's data at {service}. Show it?")
    if form == "json":
        click.echo(json.dumps({"cluster_id": keys.cluster_id, "token": keys.token}))
        return
    click.echo(f"cluster  {keys.cluster_id}")
    click.echo(f"token    {keys.token}")
