"""`telemetry-agent fields`: the data dictionary."""

import json
from typing import Any

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

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
    console = console_for_tables()
    for each in described:
        told = Table.grid(padding=(0, 2))
        for label, words in (
            ("what for", each["purpose"]),
            ("sent as", each["treatment"]),
            ("reads", ", ".join(each["permissions"]) or "what was measured"),
        ):
            told.add_row(Text(label, "dim"), Text(words))
        console.print(Text.assemble((each["name"], "bold"), f"  {each['level']}, {each['data_type']}"))
        console.print(Padding(told, (0, 0, 0, 4)))
