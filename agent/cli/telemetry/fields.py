"""`telemetry-agent fields`: the data dictionary."""

import json
from typing import Any

import click
from rich.table import Table

from agent.cli.layout import console_for_tables
from agent.cli.options import format_option
from agent.levels import Level
from agent.wire.fields import describe, schema, schema_digest


@click.command(short_help="List every field that can be sent, at which level, and what for.")
@click.option("--level", type=click.Choice([each.value for each in Level]), help="Only what this level has.")
@click.option("--schema", "as_schema", is_flag=True, help="Print the JSON Schema of a level's documents instead.")
@format_option
def fields(level: str | None, form: str, *, as_schema: bool) -> None:
    """List every field that can be sent: its level, type, purpose and treatment, and the permission that it takes."""
    highest = Level(level or Level.DETAILED)
    if as_schema:
        click.echo(json.dumps(schema(highest), indent=2))
        return
    described = [each for each in describe() if highest.includes(Level(each["level"]))]
    if form == "json":
        click.echo(json.dumps({"schema_digest": schema_digest(), "fields": described}, indent=2))
        return
    _print(described)
    click.echo(f"{len(described)} fields; schema {schema_digest()}")


def _print(described: list[dict[str, Any]]) -> None:
    table = Table("Field", "Level", "Data type", "What it is for", "How it is treated", box=None, pad_edge=False)
    for each in described:
        table.add_row(each["name"], each["level"], each["data_type"], each["purpose"], each["treatment"])
    console_for_tables().print(table)
