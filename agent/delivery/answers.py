"""What an answer of the service means for the batch that was sent. Pure.

| answer                                             | action   |
|----------------------------------------------------|----------|
| 2xx with a receipt for this batch                   | DONE     |
| 400, 413, 415, 422                                  | BURY     |
| 409 that says consent_stale                         | CONSENT  |
| 410                                                 | STOP     |
| 408, 425, 429, every 5xx, other 409, no answer,     |          |
| 2xx without a receipt                               | RETRY    |
| 401, 403, redirects, everything else                | PAUSE    |

A success without a receipt is no success: something in between may have answered, and asking again under the same key
costs nothing. What no row foresees comes from a wrong address or a gateway, and must not cost a report.
"""

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

# A day is the longest that a service may ask for: a date in the far future, by a mistake, must not silence us.
LONGEST_RETRY_AFTER_SECONDS = 86_400.0
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_DELAY = re.compile(r"[0-9]{1,18}")
_CONSENT_STALE = "consent_stale"


class Failure(StrEnum):
    """Why there is no answer."""

    UNREACHABLE = "unreachable"
    """No such name, no route, refused."""
    PROXY = "proxy"
    """The proxy refuses to connect us."""
    CERTIFICATE = "certificate"
    """The server can't prove who it is."""
    TLS = "tls"
    """No TLS 1.3 with this server."""
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken_off"
    """The connection ended before the answer did, or what came was no HTTP."""
    OVERSIZED = "oversized"
    """The answer is longer than any that makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, as far as we read it."""

    status: int
    body: bytes = b""
    retry_after: str | None = None
    date: str | None = None

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The service's word that it has a batch."""

    receipt: str
    accepted: int
    """How many of the documents count."""
    received_at: str
    """RFC 3339."""


class Action(StrEnum):
    """What happens next."""

    DONE = "done"
    BURY = "bury"
    RETRY = "retry"
    PAUSE = "pause"
    CONSENT = "consent"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an answer means."""

    action: Action
    receipt: Receipt | None = None
    retry_after_seconds: float = 0.0


def judge(answer: Reply | Failure, *, batch_id: str, documents: int, unix_seconds: float) -> Verdict:
    """Return what the answer to a batch means; `unix_seconds` is our wall clock, for answers without a date."""
    if isinstance(answer, Failure):
        return Verdict(action=Action.RETRY)
    wait = retry_after_seconds(answer, unix_seconds=unix_seconds)
    receipt = _receipt(answer.body, batch_id, documents) if 200 <= answer.status < 300 else None
    return Verdict(action=_action(answer, receipt), receipt=receipt, retry_after_seconds=wait)


def _action(answer: Reply, receipt: Receipt | None) -> Action:
    match answer.status:
        case status if 200 <= status < 300:
            return Action.RETRY if receipt is None else Action.DONE
        case 400 | 413 | 415 | 422:
            return Action.BURY
        case 409 if _object(answer.body).get("error") == _CONSENT_STALE:
            return Action.CONSENT
        case 410:
            return Action.STOP
        # 409 besides: a request under this key is still at work (draft-ietf-httpapi-idempotency-key-header).
        case status if status in {408, 409, 425, 429} or status >= 500:
            return Action.RETRY
        case _:
            return Action.PAUSE


def retry_after_seconds(reply: Reply, *, unix_seconds: float) -> float:
    """Return how long the answer asks to wait, in either form of RFC 9110, 10.2.3; 0 where it says nothing readable.

    A date is taken against the answer's own date: then it doesn't matter how wrong our clock is.
    """
    text = (reply.retry_after or "").strip()
    if _DELAY.fullmatch(text):
        seconds = float(text)
    else:
        until = _unix_seconds(text)
        if until is None:
            return 0.0
        sent_at = _unix_seconds(reply.date or "")
        seconds = until - (unix_seconds if sent_at is None else sent_at)
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER_SECONDS)


def is_token(text: str) -> bool:
    """Tell whether this could be the id of a receipt: short, and safe in an address and in the audit trail."""
    return _TOKEN.fullmatch(text) is not None


def _receipt(body: bytes, batch_id: str, documents: int) -> Receipt | None:
    values = _object(body)
    receipt, accepted, received_at = (values.get(name) for name in ("receipt", "accepted", "received_at"))
    if (
        values.get("batch") != batch_id
        or not isinstance(receipt, str)
        or not is_token(receipt)
        or type(accepted) is not int
        or not 0 <= accepted <= documents
        or not isinstance(received_at, str)
        or not _TIME.fullmatch(received_at)
    ):
        return None
    return Receipt(receipt=receipt, accepted=accepted, received_at=received_at)


def _object(body: bytes) -> dict[str, object]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _unix_seconds(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
