"""From an answer that is an error to the error of `jobs.errors` that says what to do next. Pure.

Of a body only the sentence that is meant for people is shown, and that is cut: bodies can quote whole manifests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from agent.kube.wire import StatusWire
from jobs.errors import AlreadyThere, InvalidRequest, JobsError, Missing, TryAgain, Unavailable
from jobs.objects import Api

# What Pod Security answers to a pod that breaks all rules of `restricted` is 560 characters long.
_SENTENCE_CHARACTERS = 700
_PASSING = frozenset({429, 500, 502, 503, 504})
_METRICS = ".metrics.k8s.io"
_decode = msgspec.json.Decoder(StatusWire).decode
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding fails with: msgspec has errors of its own for all but no UTF-8, and what is nested too deeply."""


class Gone(TryAgain):
    """The server has forgotten the version of the list that was asked for; only a new list helps."""


class Forbidden(Unavailable):
    """We lack the permission."""


class NotServed(Unavailable):
    """The cluster has no such kind of object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What was asked for, in the words of permissions."""

    verb: str
    resource: str
    """With its group, such as `jobs.batch`, and its subresource, such as `pods/log`."""
    namespace: str | None = None
    name: str = ""

    @classmethod
    def of(cls, verb: str, api: Api, namespace: str | None = None, name: str = "", subresource: str = "") -> "Ask":
        """Put into words what is asked of `api`."""
        resource = f"{api.plural}.{api.group}" if api.group else api.plural
        resource += f"/{subresource}" if subresource else ""
        return cls(verb=verb, resource=resource, namespace=namespace, name=name)

    def __str__(self) -> str:
        """As in: create jobs.batch "x" in namespace probe."""
        name = f' "{self.name}"' if self.name else ""
        return f"{self.verb} {self.resource}{name}" + (f" in namespace {self.namespace}" if self.namespace else "")


def read_status(body: bytes) -> StatusWire:
    """Return the Status that `body` holds, an empty one where it holds none (a proxy's page, a cut answer)."""
    try:
        return _decode(body)
    except UNREADABLE:
        return StatusWire()


def is_passing(code: int) -> bool:
    """Whether the same request may well succeed a moment later."""
    return code in _PASSING


def retry_after_seconds(header: str | None, status: StatusWire, now: datetime) -> float | None:
    """Return how long the server wants us to wait, from the header in both its forms (RFC 9110) or from the Status."""
    if header is None:
        return status.details.retry_after_seconds if status.details else None
    if header.isascii() and header.strip(" \t").isdigit():
        return float(header)
    until = http_date(header)
    return None if until is None else max(0.0, (until - now).total_seconds())


def http_date(header: str | None) -> datetime | None:
    """Return the moment that a header such as `Date` names, None where it names none."""
    try:
        told = parsedate_to_datetime(header or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return told if told.tzinfo is not None else None


def warnings(headers: list[str]) -> tuple[str, ...]:
    """Return the texts of `Warning: 299 - "text"` headers."""
    return tuple(header.split('"', 1)[1].rstrip('"').replace('\\"', '"') for header in headers if '"' in header)


def to_error(ask: Ask, code: int, body: bytes, wait_seconds: float | None = None) -> JobsError:
    """Return the error that the answer `code` to `ask` is; `wait_seconds` is the server's wish."""
    status = read_status(body)
    if code == 503 and ask.resource.endswith(_METRICS):
        return Unavailable(f"can't {ask}: metrics-server is installed and doesn't answer: look at its pod")
    if is_passing(code):
        problem = "the API server is throttling us" if code == 429 else f"the API server is in trouble (HTTP {code})"
        return TryAgain(f"can't {ask}: {problem}: try again later", retry_after_seconds=wait_seconds)
    if code in _MEANINGS:
        return _MEANINGS[code](ask, status)
    return InvalidRequest(f"can't {ask}: {_sentence(status, code)}")


def _unauthorized(ask: Ask, _: StatusWire) -> JobsError:
    return Unavailable(f"can't {ask}: the API server doesn't accept the credentials: log in again")


def _conflict(ask: Ask, status: StatusWire) -> JobsError:
    if status.reason == "AlreadyExists":
        return AlreadyThere(f"can't {ask}: it exists already")
    return TryAgain(f"can't {ask}: somebody changed it at the same time")


def _gone(ask: Ask, _: StatusWire) -> JobsError:
    return Gone(f"can't {ask}: the server no longer knows the state that it was asked to continue from")


def _forbidden(ask: Ask, status: StatusWire) -> JobsError:
    """Tell the refusals apart, all of which are 403. The phrases are those of apiserver's authorizer and admission."""
    sentence = _sentence(status, 403)
    causes = status.details.causes if status.details else None
    if any(cause.reason == "NamespaceTerminating" for cause in causes or ()):
        return Unavailable(f"can't {ask}: the namespace is being deleted: wait until it is gone, or take another")
    if " cannot " in sentence and ("in API group" in sentence or " cannot get path " in sentence):
        where, role = (
            (f"in namespace {ask.namespace}", "Role") if ask.namespace else ("at the cluster scope", "ClusterRole")
        )
        return Forbidden(
            f"no permission to {ask.verb} {ask.resource} {where}: ask for a {role} that grants `{ask.verb}` on it"
        )
    if "exceeded quota" in sentence or "failed quota" in sentence:
        return Unavailable(f"can't {ask}: {sentence}")
    if ask.verb in {"create", "delete"}:
        return InvalidRequest(f"can't {ask}: refused at admission: {sentence}")
    return Unavailable(f"can't {ask}: {sentence}")


def _not_found(ask: Ask, status: StatusWire) -> JobsError:
    kind = status.details.kind if status.details else ""
    if kind == "namespaces" and not ask.resource.startswith("namespaces"):
        return Unavailable(f"can't {ask}: there is no such namespace: create it, or name another")
    if ask.verb in {"get", "delete"} and kind:
        return Missing(f"can't {ask}: it is not there")
    return NotServed(f"can't {ask}: this cluster doesn't serve {ask.resource}")


def _sentence(status: StatusWire, code: int) -> str:
    text = " ".join(status.message.split()) or f"HTTP {code} without a reason"
    return text if len(text) <= _SENTENCE_CHARACTERS else text[: _SENTENCE_CHARACTERS - 1] + "…"


_MEANINGS: Mapping[int, Callable[[Ask, StatusWire], JobsError]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    410: _gone,
}
