"""`telemetry-agent rbac`: what the agent must be allowed to, for `kubectl apply -f -`."""

import click
import yaml

from agent.cli.telemetry.opened import open_agent
from agent.levels import Level
from agent.wire.rbac import NAMESPACE, rbac_objects


@click.command(short_help="Print the RBAC objects that a level takes.")
@click.option("--level", type=click.Choice([each.value for each in Level]), help="Default: the configuration's.")
@click.option("--namespace", default=NAMESPACE, show_default=True, help="Where the agent runs.")
@click.pass_context
def rbac(ctx: click.Context, level: str | None, namespace: str) -> None:
    """Print ClusterRole, Role and bindings, as YAML, for the data types that the configuration has switched on.

    They come from the table of fields: each rule is there because some field needs it.
    """
    telemetry = open_agent(ctx).configuration.telemetry
    chosen = Level(level) if level else telemetry.privacy_level
    objects = rbac_objects(chosen, telemetry.collection_rules.data_types, namespace=namespace)
    click.echo(yaml.safe_dump_all(objects, sort_keys=False), nl=False)
