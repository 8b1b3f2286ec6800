"""`telemetry-agent status`: what the agent does, in words."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

import click

from agent.cli.options import format_option
from agent.cli.telemetry.opened import Opened, open_agent
from agent.daemon.schedule import Timetable
from agent.daemon.timetables import read_timetables
from agent.delivery.outbox_rows import DeadLetter, Stats
from agent.delivery.outbox_view import dead_letters, receipts, stats
from agent.results.baseline_store import Baselines, read_baselines
from agent.words import plural

_NOTHING = Stats(
    waiting_documents=0, dead_documents=0, bytes=0, oldest_age_seconds=0, failures=0, halt=None, halted_at=None
)
# A person reads the latest; the rest is in the audit trail.
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What the outbox holds."""

    stats: Stats = _NOTHING
    dead: tuple[DeadLetter, ...] = ()
    receipts: int = 0
    last_receipt: str | None = None


@click.command(short_help="Tell in words what the agent does, and what waits.")
@format_option
@click.pass_context
def status(ctx: click.Context, form: str) -> None:
    """Tell whether the agent works, and if not why; when it does what; what waits, and what the service refused."""
    opened = open_agent(ctx)
    stop = opened.stop()
    waiting = _waiting(opened)
    timetables = read_timetables(opened.state.schedule)
    if form == "json":
        click.echo(json.dumps(_as_json(opened, stop, waiting, timetables), indent=2, default=str))
        return
    click.echo("Working." if stop is None else f"Paused ({stop}): {stop.remedy}.")
    click.echo(f"Level {opened.configuration.telemetry.privacy_level}, to {opened.configuration.telemetry.endpoint}")
    click.echo(f"State in {opened.state.directory}")
    for line in (*_times(timetables), *_words(waiting), _of_baselines(read_baselines(opened.state.baselines))):
        click.echo(line)


def _waiting(opened: Opened) -> Waiting:
    with opened.outbox() as outbox:
        if outbox is None:
            return Waiting()
        kept = list(receipts(outbox))
        return Waiting(
            stats=stats(outbox),
            dead=tuple(dead_letters(outbox)),
            receipts=len(kept),
            last_receipt=kept[0].received_at if kept else None,
        )


def _times(timetables: dict[str, Timetable]) -> Iterator[str]:
    if not timetables:
        yield "The daemon has never run here: nothing is scheduled."
    for task, timetable in timetables.items():
        last = "never" if timetable.last_at is None else f"{timetable.last_at:%Y-%m-%d %H:%M} UTC"
        again = f", again after {plural(timetable.failures, 'failure')}" if timetable.retry_at is not None else ""
        yield f"{task}: last {last}, next about {timetable.at:%Y-%m-%d %H:%M} UTC{again}"


def _words(waiting: Waiting) -> Iterator[str]:
    figures = waiting.stats
    age = f", the oldest for {timedelta(seconds=int(figures.oldest_age_seconds))}" if figures.waiting_documents else ""
    yield f"{plural(figures.waiting_documents, 'document')} waiting ({figures.bytes} bytes){age}."
    if figures.halted_at is not None:
        yield f"Halted on {figures.halted_at:%Y-%m-%d %H:%M:%S} UTC: a consent section counts where it is dated later."
    if figures.failures:
        yield f"Sending has failed {plural(figures.failures, 'time')} in a row."
    received = "" if waiting.last_receipt is None else f", the last of {waiting.last_receipt[:10]}"
    yield f"{plural(waiting.receipts, 'receipt')} of the service kept{received}."
    for letter in waiting.dead[-_SHOWN:]:
        yield (
            f"The service refused batch {letter.batch_id} for good ({letter.status}): "
            f"{plural(letter.documents, 'document')}, {timedelta(seconds=int(letter.age_seconds))} ago."
        )


def _of_baselines(kept: Baselines | None) -> str:
    if kept is None:
        return "No baselines were fetched yet."
    return f"Baselines fetched {kept.fetched_at:%Y-%m-%d %H:%M} UTC."


def _as_json(opened: Opened, stop: object, waiting: Waiting, timetables: dict[str, Timetable]) -> dict[str, object]:
    kept = read_baselines(opened.state.baselines)
    return {
        "paused": stop,
        "level": opened.configuration.telemetry.privacy_level,
        "endpoint": opened.configuration.telemetry.endpoint,
        "state_directory": opened.state.directory,
        "outbox": asdict(waiting.stats),
        "dead_letters": [asdict(letter) for letter in waiting.dead],
        "receipts": waiting.receipts,
        "baselines": None if kept is None else kept.fetched_at.isoformat(),
        "next": {task: timetable.at.isoformat() for task, timetable in timetables.items()},
    }
