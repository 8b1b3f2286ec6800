"""`telemetry-agent preview` and `--dry-run`: exactly what would be sent. No consent is needed: they can't send."""

import json
import random
from collections.abc import Iterator

import click

from agent.anonymize import anonymize
from agent.batch import preview as bodies_of
from agent.cli.telemetry.opened import Opened, now, open_agent
from agent.errors import StateUnusable
from agent.fields import describe
from agent.install_secret import read_keys, throwaway_keys
from agent.keys import Keys
from agent.outgoing import Outgoing
from agent.sources import collected, has_cluster


@click.command(short_help="Print exactly what would be sent; connect to nothing but the cluster.")
@click.option(
    "--explain", is_flag=True, help="Say of each field what it is for, how it is treated, and since which level."
)
@click.option("--pretty", is_flag=True, help="Indent; the exact bytes have no spaces.")
@click.pass_context
def preview(ctx: click.Context, *, explain: bool = False, pretty: bool = False) -> None:
    """Collect now and print the exact body of each request, one a line, without sending or keeping anything."""
    opened = open_agent(ctx)
    level = opened.configuration.telemetry.privacy_level
    where = "the cluster" if has_cluster(opened.settings) else "this machine, as a standalone installation"
    click.echo(f"What would be sent about {where} at the level {level}; nothing is sent.", err=True)
    records = _records(opened)
    for body in bodies_of(records, opened.configuration.telemetry.batch_size):
        click.echo(json.dumps(json.loads(body), indent=2) if pretty else body.decode("ascii"))
    if not records:
        click.echo("Nothing: on a Sunday no time of the week is left to send in.", err=True)
    if explain:
        for line in _explained(records):
            click.echo(line, err=True)


def _records(opened: Opened) -> tuple[Outgoing, ...]:
    telemetry = opened.configuration.telemetry
    return anonymize(
        collected(opened.settings),
        level=telemetry.privacy_level,
        data_types=telemetry.collection_rules.data_types,
        keys=_keys(opened),
        day=now().date(),
        chance=random.SystemRandom().random,
    )


def _keys(opened: Opened) -> Keys:
    """Return the agent's own keys where this user may read them; a preview makes none that stay."""
    try:
        return read_keys(opened.state.secret) or throwaway_keys()
    except StateUnusable:
        return throwaway_keys()


def _explained(records: tuple[Outgoing, ...]) -> Iterator[str]:
    """Yield a line for each field that the records hold."""
    documents = [json.loads(record.body) for record in records]
    for field in describe():
        subject, _, attribute = field["name"].partition(".")
        if any(attribute in document.get(subject, {}) for document in documents):
            yield f"{field['name']} ({field['level']}): {field['purpose']}. {field['treatment']}."
