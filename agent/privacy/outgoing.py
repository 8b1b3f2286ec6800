"""What is ready to leave: bytes that hold nothing raw any more, and when they may go. Pure."""

from dataclasses import dataclass

from agent.levels import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One document of the wire, anonymized and checked."""

    level: Level
    body: bytes
    """Canonical JSON: sorted keys, no spaces, ASCII. A batch is `{"documents":[…]}` around such bytes, unchanged."""
    schema_digest: str
    """SHA-256 of the schema that the body follows, 64 hexadecimal digits."""
    alone: bool
    """Whether it must have a request and a connection of its own: two in one would tell that they are one cluster's."""
    once: str | None = None
    """What may leave once only, such as `2026-W48/region`: the outbox takes no second one, sent or not. Never sent."""
    earliest_seconds: int = 0
    """How long to wait at least, from the moment that the outbox takes it."""
    latest_seconds: int | None = None
    """After how long it is dropped unsent, None for the outbox's own retention.

    What is `alone` and could not go at its time (no network, an answer that asks for patience) gets a new time, at
    random between then and this: all that is overdue would otherwise leave at one moment, which tells whose it is.
    """

    def __repr__(self) -> str:
        return f"<Outgoing, {self.level}, {len(self.body)} bytes>"
