"""The community's baselines as they were last fetched: kept whole, and asked for again once a day.

The service publishes them once a week. Fetching them tells it nothing: neither who asks, nor what is compared.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.delivery.answers import Failure, Reply
from agent.state import read_private, write_private

# A day late at most, and a fleet of agents asks the service a thousand times less than it reports.
_REFRESH = timedelta(days=1)
_OK, _NOT_MODIFIED = 200, 304


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """A release of the service."""

    fetched_at: datetime
    """When the service gave it, or said that it is still the latest."""
    etag: str | None
    release: dict[str, Any]


def read_baselines(path: Path) -> Baselines | None:
    """Return what is kept; None where the file is missing or isn't one, which the next fetch mends."""
    try:
        kept: dict[str, Any] = json.loads(read_private(path) or b"null")
        fetched_at, etag = datetime.fromisoformat(kept["fetched_at"]), kept["etag"]
    except (ValueError, TypeError, KeyError):
        return None
    if fetched_at.tzinfo is None or not isinstance(kept.get("release"), dict):
        return None
    return Baselines(fetched_at=fetched_at, etag=etag if isinstance(etag, str) else None, release=kept["release"])


def refresh(path: Path, fetch: Callable[[str | None], Reply | Failure], now: datetime) -> bool:
    """Fetch the baselines where a day has passed; tell whether what is kept is today's.

    An answer that is no release changes nothing: what was there before stays. Raises StateUnusable, NotAllowed.
    """
    kept = read_baselines(path)
    if kept is not None and timedelta() <= now - kept.fetched_at < _REFRESH:
        return True
    answer = fetch(None if kept is None else kept.etag)
    if isinstance(answer, Failure):
        return False
    if answer.status == _NOT_MODIFIED and kept is not None:
        _write(path, Baselines(fetched_at=now, etag=kept.etag, release=kept.release))
        return True
    release = _release(answer) if answer.status == _OK else None
    if release is None:
        return False
    _write(path, Baselines(fetched_at=now, etag=answer.etag, release=release))
    return True


def _release(answer: Reply) -> dict[str, Any] | None:
    try:
        release = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return release if isinstance(release, dict) else None


def _write(path: Path, baselines: Baselines) -> None:
    content = {
        "fetched_at": baselines.fetched_at.isoformat(),
        "etag": baselines.etag,
        "release": baselines.release,
    }
    write_private(path, json.dumps(content).encode())
