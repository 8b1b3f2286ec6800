"""`telemetry-agent consent`: show, grant, revoke."""

import json

import click

from agent.cli.telemetry.asking import agreed
from agent.cli.telemetry.opened import Opened, now, open_agent
from agent.cli.telemetry.talk import answered, calls, keys_of
from agent.configuration import POLICY_VERSION
from agent.daemon.consent_changes import record_grant, record_revocation
from agent.errors import AgentError, InvalidSettings, NotAllowed
from agent.levels import DataType
from agent.privacy.consent import ConsentRecord, grant, revoke


@click.group(short_help="Show, grant or revoke consent.")
def consent() -> None:
    """Consent is to a level, to data types, and to the exact schema of what can be sent."""


@consent.command("show", short_help="Show what was consented to.")
@click.pass_context
def show(ctx: click.Context) -> None:
    """Show what was consented to, and whether it covers what the configuration asks for."""
    opened = open_agent(ctx)
    record = opened.consent()
    if record is None:
        click.echo("Nobody has consented: nothing is collected, nothing is sent.")
        return
    for line in _described(record):
        click.echo(line)
    stop = opened.stop()
    click.echo("It covers what the configuration asks for." if stop is None else f"The agent is paused: {stop.remedy}.")


@consent.command("grant", short_help="Consent to what the configuration asks for.")
@click.option("--policy", metavar="VERSION", help="The policy that was read, where the configuration names none.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def grant_now(ctx: click.Context, *, policy: str | None, yes: bool) -> None:
    """Consent to what the configuration asks for: its level, its data types, the schema of this version."""
    opened = open_agent(ctx)
    asked = opened.asked
    click.echo(f"Level {asked.level}; data types {_words(asked.data_types)}; schema {asked.schema_digest[:16]}.")
    click.echo("Every field that this covers: telemetry-agent fields")
    before = opened.consent()
    if before is not None and before.revoked_at is not None:
        click.echo("What was sent before the revocation can't be deleted by this agent once you consent again.")
    version = _policy_version(opened, policy)
    if not yes and not agreed("Do you consent?"):
        raise NotAllowed("no consent was given: nothing has changed")
    opened.state.prepare()
    record = grant(asked, policy_version=version, now=now(), before=before)
    returns = record_grant(opened.state, record, bound_at_start=False, retention_days=opened.retention_days)
    click.echo("Consent is recorded; a running agent sees it within seconds.")
    if returns:
        click.echo("Consent had been revoked: to the service this is a new cluster, with new identifiers.")


@consent.command("revoke", short_help="Take consent back, and forget what waits.")
@click.pass_context
def revoke_now(ctx: click.Context) -> None:
    """Take consent back: what waits is forgotten, and nothing more is collected or sent."""
    opened = open_agent(ctx)
    record = opened.consent()
    if record is None or record.revoked_at is not None:
        click.echo("There is no consent to revoke: nothing is collected, nothing is sent.")
        return
    opened.state.prepare()
    record_revocation(opened.state, revoke(record, now=now()), retention_days=opened.retention_days)
    click.echo("Revoked. What waited was forgotten; nothing of the time until the next consent will be sent.")
    _tell_service(opened, record)
    click.echo("To have the service erase what it holds: telemetry-agent delete-data")


def _tell_service(opened: Opened, record: ConsentRecord) -> None:
    """Tell it if it knows this cluster at all; that it can't be reached keeps nobody from revoking."""
    document: dict[str, object] = {"consent": record.digest, "revoked": True}
    try:
        keys = keys_of(opened)
        document["cluster_id"] = keys.cluster_id
        answered(calls(opened, keys).tell_consent(json.dumps(document).encode()), "tell the service")
    except AgentError as error:
        click.echo(f"The service was not told: {error}.")
    else:
        click.echo("The service was told.")


def _policy_version(opened: Opened, given: str | None) -> str:
    section = opened.configuration.consent
    if given is None and section is None:
        raise InvalidSettings("which policy was read? Give --policy VERSION, or consent.version in the configuration")
    version = given or (section.version if section is not None else "")
    if not POLICY_VERSION.fullmatch(version):
        raise InvalidSettings(f"--policy {version[:20]!r} is no version: give one such as 1.0")
    return version


def _described(record: ConsentRecord) -> list[str]:
    lines = [
        f"Consent of {record.granted_at:%Y-%m-%d %H:%M %Z} to version {record.policy_version} of the policy:",
        f"  level {record.level}; data types {_words(record.data_types)}",
        f"  schema {record.schema_digest[:16]}",
    ]
    if record.revoked_at is not None:
        lines.append(f"Revoked {record.revoked_at:%Y-%m-%d %H:%M %Z}.")
    return lines


def _words(data_types: frozenset[DataType]) -> str:
    return ", ".join(each.value for each in DataType if each in data_types) or "none"
