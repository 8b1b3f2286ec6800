"""The community's baselines as they were last fetched: kept whole, and fetched again once a week.

The service publishes them that often. Fetching them tells it neither who asks nor what is compared, and nothing that it
has said comes back: an ETag, or the digest of a release that is made for one client alone, would be that client's name.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.delivery.answers import Failure, Reply
from agent.state import read_private, write_private

# As often as there is a new one, since each is fetched whole: a week late at most.
_REFRESH = timedelta(weeks=1)
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """A release of the service."""

    fetched_at: datetime
    """When the service gave it."""
    release: dict[str, Any]


def read_baselines(path: Path) -> Baselines | None:
    """Return what is kept; None where the file is missing or isn't one, which the next fetch mends."""
    try:
        kept: dict[str, Any] = json.loads(read_private(path) or b"null")
        fetched_at = datetime.fromisoformat(kept["fetched_at"])
    except (ValueError, TypeError, KeyError):
        return None
    if fetched_at.tzinfo is None or not isinstance(kept.get("release"), dict):
        return None
    return Baselines(fetched_at=fetched_at, release=kept["release"])


def refresh(path: Path, fetch: Callable[[], Reply | Failure], now: datetime) -> bool:
    """Fetch the baselines where a week has passed; tell whether what is kept is no older.

    An answer that is no release changes nothing: what was there before stays. Raises StateUnusable, NotAllowed.
    """
    kept = read_baselines(path)
    if kept is not None and timedelta() <= now - kept.fetched_at < _REFRESH:
        return True
    answer = fetch()
    if isinstance(answer, Failure):
        return False
    release = _release(answer) if answer.status == _OK else None
    if release is None:
        return False
    _write(path, Baselines(fetched_at=now, release=release))
    return True


def _release(answer: Reply) -> dict[str, Any] | None:
    try:
        release = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return release if isinstance(release, dict) else None


def _write(path: Path, baselines: Baselines) -> None:
    content = {"fetched_at": baselines.fetched_at.isoformat(), "release": baselines.release}
    write_private(path, json.dumps(content).encode())
