"""`telemetry-agent recommendations`: what the service advises."""

import json
from collections.abc import Iterator
from typing import Any

import click

from agent.cli.options import format_option
from agent.cli.telemetry.opened import open_agent
from agent.cli.telemetry.talk import answered, calls, keys_of


@click.command(short_help="Show what the service recommends.")
@format_option
@click.pass_context
def recommendations(ctx: click.Context, form: str) -> None:
    """Fetch the recommendations for this cluster, each with its evidence, risk and how to undo it."""
    opened = open_agent(ctx)
    keys = keys_of(opened)
    found = answered(calls(opened, keys).recommendations(keys.cluster_id), "fetch recommendations")
    if form == "json":
        click.echo(json.dumps(found, indent=2))
        return
    advice = found.get("recommendations", [])
    for each in advice:
        for line in _lines(each):
            click.echo(line)
    if not advice:
        click.echo(f"Nothing is recommended: {found.get('reason', 'no rule applies to what was reported')}.")


def _lines(advice: dict[str, Any]) -> Iterator[str]:
    """Yield what a person needs to decide; everything else is in the JSON."""
    yield click.style(str(advice.get("title") or advice.get("rule")), bold=True)
    for key in ("observed", "baseline", "saving", "confidence", "action", "risk", "undo"):
        if advice.get(key) is not None:
            value = advice[key]
            yield f"  {key}: {value if isinstance(value, str) else json.dumps(value)}"
