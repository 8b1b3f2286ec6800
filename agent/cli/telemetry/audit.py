"""`telemetry-agent audit`: what was done when, and whether the trail is as it was written."""

import json
from typing import NoReturn

import click

from agent.cli.telemetry.opened import open_agent
from agent.delivery.audit_check import Broken, verify
from agent.delivery.outbox_view import receipts


@click.group(short_help="Show or verify the audit trail.")
def audit() -> None:
    """Say what was collected, sent, dropped and refused, and under which consent; no collected value stands there."""


@audit.command("show")
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many lines.")
@click.pass_context
def show(ctx: click.Context, last: int) -> None:
    """Print the latest lines as JSON."""
    trail = open_agent(ctx).state.audit
    lines = trail.read_text(encoding="utf-8").splitlines() if trail.exists() else []
    if not lines:
        click.echo("The trail is empty: this agent has done nothing yet.", err=True)
    for line in lines[-last:]:
        click.echo(line)


@audit.command("verify", short_help="Check that nothing in it was changed.")
@click.pass_context
def verify_trail(ctx: click.Context) -> None:
    """Check that no line was changed, removed or reordered, also against the service's receipts; exits with 1 if so."""
    opened = open_agent(ctx)
    with opened.outbox() as outbox:
        told = [] if outbox is None else [each.audit_head for each in receipts(outbox) if each.audit_head is not None]
    if not opened.state.audit.exists():
        _judge_absence(ctx, receipts=len(told))
    found = verify(opened.state.audit, told)
    if isinstance(found, Broken):
        click.echo(json.dumps({"intact": False, "line": found.line, "breach": found.breach.name.lower()}))
        click.echo(f"telemetry-agent: the audit trail is broken: {found}", err=True)
        ctx.exit(1)
    click.echo(json.dumps({"intact": True, "lines": found.lines, "head": found.digest, "receipts": len(told)}))


def _judge_absence(ctx: click.Context, *, receipts: int) -> NoReturn:
    """An agent that has done nothing has no trail; one that holds receipts had one."""
    click.echo(json.dumps({"intact": not receipts, "lines": 0, "head": None, "receipts": receipts}))
    if receipts:
        click.echo(f"telemetry-agent: the audit trail is gone: {receipts} receipts of the service name it", err=True)
    ctx.exit(1 if receipts else 0)
