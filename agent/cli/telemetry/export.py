"""`telemetry-agent export`: the outbox as a file, for networks that end at an air gap."""

import random
from pathlib import Path

import click

from agent.cli.telemetry.opened import open_agent
from agent.daemon.sending import everything
from agent.delivery import audit_events
from agent.delivery.audit import Trail
from agent.delivery.outbox_export import write
from agent.delivery.outbox_rows import LossReason
from agent.errors import NotAllowed
from agent.privacy.stops import Stop


@click.command(short_help="Write what waits to a file, for a cluster without a way out.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--keep", is_flag=True, help="Leave everything in the outbox as well; it may then arrive by both ways.")
@click.pass_context
def export(ctx: click.Context, file: Path, *, keep: bool) -> None:
    """Write the same bytes that would have been sent to FILE, which `corrective-drift import` takes."""
    opened = open_agent(ctx)
    stop, consent = opened.stop(), opened.consent()
    if stop is not None or consent is None:
        raise NotAllowed(f"nothing may leave: {(stop or Stop.CONSENT_MISSING).remedy}")
    trail = Trail(opened.state.audit)
    with opened.outbox() as outbox:
        if outbox is None:
            click.echo("Nothing waits: no file was written.")
            return
        # As before each flush: a file must not join what was collected under two consents, and their identifiers.
        outbox.purge(LossReason.CONSENT, keep_consent=consent.digest)
        outbox.seal(everything(opened.configuration.telemetry), audit_head=str(trail.head()))
        batches = list(outbox.batches())
        written = write(file, batches, random.SystemRandom())
        exported = audit_events.Exported(batches=written.batches, documents=written.documents, sha256=written.sha256)
        trail.append(exported)
        if not keep:
            for batch in batches:
                outbox.forget(batch.batch_id, LossReason.EXPORTED)
    click.echo(f"{written.documents} documents in {written.batches} batches: {file}")
