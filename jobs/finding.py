"""What was found out about one side of a cluster, and what to do about it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether a run can do with it."""

    READY = "ready"
    WARNING = "warning"
    """A run is possible, and something of it is lost, doubtful or not known."""
    MISSING = "missing"
    """No run is possible without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of an examination."""

    subject: str
    """One word, such as `permissions`."""
    state: State
    found: str
    """The fact, in one line."""
    remedy: str | None = None
    """What to do, in one line."""
