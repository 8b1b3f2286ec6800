"""`telemetry-agent preview` and `--dry-run`: exactly what would be sent. No consent is needed: they can't send."""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.files import check_writable, write_whole
from agent.cli.telemetry.brief import brief
from agent.cli.telemetry.opened import Opened, now, open_agent
from agent.cli.telemetry.results import measured
from agent.daemon.sources import collected
from agent.delivery.batch import preview as bodies_of
from agent.errors import StateUnusable
from agent.levels import Level
from agent.privacy.anonymize import anonymize
from agent.privacy.install_secret import read_keys, throwaway_keys
from agent.privacy.keys import Keys
from agent.privacy.outgoing import Outgoing
from agent.wire.fields import describe

if TYPE_CHECKING:
    from probes.measure.result import RunResult

# Beyond, an eye loses the line.
_WIDEST = 110


@click.command(short_help="Print exactly what would be sent; connect to nothing but the cluster.")
@click.option("--level", type=click.Choice([each.value for each in Level]), help="As if this were the level.")
@click.option("--results", type=click.Path(path_type=Path), help="Add what `probe run --output FILE` measured.")
@click.option("--explain", is_flag=True, help="Say of each field what it is for, and how it is treated.")
@click.option("--pretty", is_flag=True, help="Indent; the exact bytes have no spaces.")
@click.option("--brief", "shortened", is_flag=True, help="Shorten to a screen, for people.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the exact bytes to this file.")
@click.pass_context
def preview(  # noqa: PLR0913  click gives each option as an argument
    ctx: click.Context,
    *,
    level: str | None = None,
    results: Path | None = None,
    explain: bool = False,
    pretty: bool = False,
    shortened: bool = False,
    output: Path | None = None,
) -> None:
    """Collect now and print the exact body of each request, one a line, without sending or keeping anything."""
    opened = _at_level(open_agent(ctx), level)
    run = None if results is None else measured(results, opened)
    if output is not None:
        check_writable(output)
    where = "the cluster" if opened.settings.has_cluster else "this machine"
    asked = opened.asked.level
    click.echo(f"What would be sent about {where}, at the level {asked}. Nothing is sent.", err=True)
    records = _records(opened, run)
    bodies = list(bodies_of(records, opened.configuration.telemetry.batch_size))
    for line in _shown(bodies, pretty=pretty, shortened=shortened):
        click.echo(line)
    if not records:
        click.echo("Nothing: nothing is known that this level has.", err=True)
    if output is not None:
        write_whole(output, b"".join(body + b"\n" for body in bodies))
        click.echo(f"All of it, byte for byte: {output}", err=True)
    if shortened:
        click.echo("What each field is for, and how it is treated: telemetry-agent fields", err=True)
    if explain:
        for line in _explained(records):
            click.echo(line, err=True)


def _at_level(opened: Opened, level: str | None) -> Opened:
    return opened if level is None else opened.at(Level(level))


def _records(opened: Opened, run: "RunResult | None") -> tuple[Outgoing, ...]:
    def tell(collector: str, objects: int) -> None:
        click.echo(f"{collector}: {objects} objects were left out, since amounts in them can't be read.", err=True)

    facts = collected(opened.settings, on_unreadable=tell)
    if run is not None:
        from agent.results.merge import merge  # noqa: PLC0415  numpy is for who has results

        facts = merge(facts, run)
    return anonymize(
        facts,
        level=opened.asked.level,
        data_types=opened.asked.data_types,
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


def _shown(bodies: Sequence[bytes], *, pretty: bool, shortened: bool) -> Iterator[str]:
    for body in bodies:
        if shortened:
            for document in json.loads(body)["documents"]:
                yield from brief(document, width=min(_WIDEST, shutil.get_terminal_size().columns))
        else:
            yield json.dumps(json.loads(body), indent=2) if pretty else body.decode("ascii")


def _explained(records: tuple[Outgoing, ...]) -> Iterator[str]:
    """Yield a line for each field that the records hold."""
    documents = [json.loads(record.body) for record in records]
    for field in describe():
        subject, _, attribute = field["name"].partition(".")
        if any(attribute in document.get(subject, {}) for document in documents):
            yield f"{field['name']} ({field['level']}): {field['purpose']}. Sent: {field['treatment']}."
