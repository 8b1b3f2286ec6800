"""`telemetry-agent delete-data`: have the service erase what it holds."""

import json

import click

from agent.cli.telemetry.asking import insist
from agent.cli.telemetry.opened import open_agent
from agent.cli.telemetry.talk import answered, calls, keys_of
from agent.daemon.consent_changes import record_deletion
from agent.delivery import audit_events
from agent.delivery.answers import Failure
from agent.delivery.audit import Trail
from agent.delivery.outbox_rows import LossReason


@click.command(short_help="Have the service erase what it holds about this cluster.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete_data(ctx: click.Context, *, yes: bool) -> None:
    """Erase at the service all that came from this cluster, and here what waits; print the service's signed receipt.

    The service then takes nothing more under this consent, so that nothing more is collected: the agent pauses until
    consent is given again. Where the service could not be asked, or refused, the agent goes on as before.
    """
    opened = open_agent(ctx)
    keys = keys_of(opened)
    if not yes:
        service = opened.configuration.telemetry.service
        insist(f"Erase everything of cluster {keys.cluster_id} at {service}?")
    with opened.outbox() as outbox:
        if outbox is not None:
            outbox.purge(LossReason.DELETED)
    answer = calls(opened, keys).delete_data(keys.cluster_id)
    status = None if isinstance(answer, Failure) else answer.status
    Trail(opened.state.audit).append(audit_events.DeletionAsked(status=status))
    # Before anything else that can fail: there is no second one.
    click.echo(json.dumps(answered(answer, "have the data erased"), indent=2))
    record_deletion(opened.state, opened.configuration.consent, retention_days=opened.retention_days)
    click.echo("Keep this receipt. The agent has paused: telemetry-agent consent grant lets it work again.", err=True)
