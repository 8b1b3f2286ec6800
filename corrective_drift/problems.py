"""What is wrong with a request, as RFC 9457 has it. Pure; nothing that a client sent is repeated.

| status | error             | what the agent does (docs/delivery.md)    |
|--------|-------------------|-------------------------------------------|
| 400    | malformed         | dead letter                               |
| 401    | unauthorized      | pauses                                    |
| 403    | forbidden         | pauses                                    |
| 404    | not_found         |                                           |
| 405    | method            |                                           |
| 409    | consent_stale     | pauses until consent is given again       |
| 410    | erased            | pauses until consent is given again       |
| 413    | too_large         | dead letter                               |
| 415    | media_type        | dead letter                               |
| 422    | invalid           | dead letter; `errors` names the places    |
| 422    | key_reused        | dead letter                               |
| 429    | too_many          | tries again after Retry-After             |
| 500    | failed            | tries again                               |
| 503    | unavailable       | tries again after Retry-After             |
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

MEDIA_TYPE = "application/problem+json"


class Code(Enum):
    """The kinds of problem: word, status, title."""

    MALFORMED = ("malformed", 400, "The request can't be read")
    UNAUTHORIZED = ("unauthorized", 401, "A bearer token is needed")
    FORBIDDEN = ("forbidden", 403, "The token is not for this")
    NOT_FOUND = ("not_found", 404, "There is no such thing here")
    METHOD = ("method", 405, "The method is not allowed here")
    CONSENT_STALE = ("consent_stale", 409, "The consent holds no more")
    ERASED = ("erased", 410, "The cluster was erased")
    TOO_LARGE = ("too_large", 413, "The request is too large")
    MEDIA_TYPE = ("media_type", 415, "The media type is not taken")
    INVALID = ("invalid", 422, "The content is not valid")
    KEY_REUSED = ("key_reused", 422, "The Idempotency-Key came with another body before")
    TOO_MANY = ("too_many", 429, "Too many requests")
    FAILED = ("failed", 500, "A mistake of ours")
    UNAVAILABLE = ("unavailable", 503, "The service can't work now")

    @property
    def word(self) -> str:
        """The word in `error` and in `type`."""
        return self.value[0]

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.value[1]

    @property
    def title(self) -> str:
        """The same for all problems of a kind."""
        return self.value[2]


class Problem(Exception):
    """An answer that says what is wrong."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds

    def content(self) -> dict[str, Any]:
        """Return the body of the answer."""
        named = {
            "type": f"urn:corrective-drift:problem:{self.code.word}",
            "title": self.code.title,
            "status": self.code.status,
            "detail": self.detail,
            "error": self.code.word,
        }
        return named | ({"errors": list(self.errors)} if self.errors else {})

    def headers(self) -> dict[str, str]:
        """Return what goes with the body."""
        named = {}
        if self.code is Code.UNAUTHORIZED:
            named["WWW-Authenticate"] = 'Bearer realm="corrective-drift"'
        if self.retry_after_seconds is not None:
            named["Retry-After"] = str(self.retry_after_seconds)
        return named


def malformed(detail: str) -> Problem:
    """Return the problem of a request that can't be read."""
    return Problem(Code.MALFORMED, detail)


def invalid(path: str, reason: str) -> Problem:
    """Return the problem of one place in the content."""
    return Problem(Code.INVALID, f"{path} {reason}", errors=[{"path": path, "reason": reason}])
