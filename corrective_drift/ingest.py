"""From a request to what is to be stored, all judged before the store is asked. Pure.

Whether the consent holds, whether the token is the cluster's and whether the batch came before are questions to the
store (`store.batches`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from agent.levels import Level
from agent.wire.documents import FRAGMENT_BASE, FRAGMENTS
from agent.wire.fields import DOCUMENTS, check
from agent.wire.records import canonical
from corrective_drift.envelope import Envelope
from corrective_drift.inflate import LARGEST_INFLATED_BYTES, inflated, parsed
from corrective_drift.problems import Code, Problem, invalid, malformed
from corrective_drift.synthetic import refused
from corrective_drift.typed import Reader
from corrective_drift.weeks import week_of

MOST_DOCUMENTS = 1000
"""In one request; an agent's `batch_size` is 100 unless it is configured otherwise."""
# Of what is wrong in all documents together; each is judged until then.
_MOST_PROBLEMS = 20
_ONE_DAY = timedelta(days=1)
_reader = Reader(DOCUMENTS, MOST_DOCUMENTS)


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document of the standard or the detailed level."""

    level: str
    day: str
    cluster_id: str
    text: str
    """Canonical JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A document of the minimal level."""

    week: str
    fragment: str
    voter: str
    schema_digest: str
    provider: str
    nodes: str
    value: str
    counts: bool
    """Whether its week is open; a voter's pseudonym is not kept beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A request that the store may decide on: reports of one cluster, or one fragment of nobody."""

    envelope: Envelope
    body_sha256: bytes
    cluster_id: str | None
    reports: Sequence[Report] = ()
    fragment: Fragment | None = None

    @property
    def documents(self) -> int:
        """How many documents came."""
        return len(self.reports) or 1

    @property
    def bytes(self) -> int:
        """How much memory it holds, about."""
        return sum(len(report.text) for report in self.reports)


def submission(
    sent: Envelope,
    body: bytes,
    today: date,
    *,
    simulation: bool = False,
    largest_bytes: int = LARGEST_INFLATED_BYTES,
) -> Submission:
    """Return what a request asks to store, of a body that unpacks to so many bytes at most.

    Raises Problem, which names the places of what is wrong.
    """
    documents = _read(inflated(body, sent.encoding, largest_bytes), today)
    digest = hashlib.sha256(body).digest()
    reports = [each for each in documents if isinstance(each, Report)]
    if len(reports) < len(documents):
        if len(documents) > 1:
            raise invalid("documents", "must be one where it is a fragment: two in a request would be joined")
        if sent.names_sender:
            raise malformed("a fragment comes without Authorization, Prism-Consent, Prism-Audit-Head and Prism-Api-Key")
        return Submission(envelope=sent, body_sha256=digest, cluster_id=None, fragment=documents[0])
    if sent.consent_digest is None:
        raise malformed("the header Prism-Consent is missing")
    if len({each.cluster_id for each in reports}) > 1:
        raise invalid("documents", "must be of one cluster")
    # Where the agent lives, tomorrow may have begun.
    latest = (today + _ONE_DAY).isoformat()
    for at, report in enumerate(reports):
        if report.day > latest:
            raise invalid(f"documents[{at}].day", "must not lie in the future: set the clock of the machine")
    cluster_id = reports[0].cluster_id
    if (problem := refused(cluster_id, simulation=simulation)) is not None:
        raise problem
    return Submission(envelope=sent, body_sha256=digest, cluster_id=cluster_id, reports=reports)


def _read(content: bytes, today: date) -> list[Any]:
    """Return the documents of a body, each a Report or a Fragment."""
    found = _reader.read(content)
    if found is None:
        return _judged(content, today)
    return [_document(parts, text, today) for parts, text in found]


def _document(parts: Any, text: bytes, today: date) -> Report | Fragment:
    if hasattr(parts, "voter"):
        return _fragment(msgspec.to_builtins(parts), today)
    return Report(level=parts.level, day=parts.day, cluster_id=parts.cluster_id, text=text.decode("ascii"))


def _judged(content: bytes, today: date) -> list[Any]:
    """Return the documents of a body by the exact, slow way, which names what is wrong."""
    value = parsed(content)
    if type(value) is not dict or value.keys() != {"documents"} or type(value["documents"]) is not list:
        raise invalid("body", 'must be an object of "documents", a list')
    documents = value["documents"]
    if not 1 <= len(documents) <= MOST_DOCUMENTS:
        raise invalid("documents", f"must be a list of 1 to {MOST_DOCUMENTS} documents")
    errors: list[dict[str, str]] = []
    for at, document in enumerate(documents):
        place = f"documents[{at}]"
        errors += [
            {"path": f"{place}.{problem.path}".rstrip("."), "reason": problem.reason} for problem in check(document)
        ]
        if len(errors) >= _MOST_PROBLEMS:
            break
    if errors:
        detail = f"{errors[0]['path']} {errors[0]['reason']}"
        raise Problem(Code.INVALID, detail, errors=errors[:_MOST_PROBLEMS])
    return [_judged_document(document, today) for document in documents]


def _judged_document(document: dict[str, Any], today: date) -> Report | Fragment:
    if document["level"] == Level.MINIMAL:
        return _fragment(document, today)
    level, day, cluster_id = (document[name] for name in ("level", "day", "cluster_id"))
    return Report(level=level, day=day, cluster_id=cluster_id, text=canonical(document).decode("ascii"))


def _fragment(document: dict[str, Any], today: date) -> Fragment:
    provider, nodes, value = (_at(document, name) for name in (*FRAGMENT_BASE, FRAGMENTS[document["fragment"]]))
    # A day before and after, for clocks and for requests that were under way at midnight.
    open_weeks = {week_of(today + offset) for offset in (-_ONE_DAY, timedelta(), _ONE_DAY)}
    return Fragment(
        week=document["week"],
        fragment=document["fragment"],
        voter=document["voter"],
        schema_digest=document["schema"],
        provider=provider,
        nodes=nodes,
        value=value,
        counts=document["week"] in open_weeks,
    )


def _at(document: dict[str, Any], name: str) -> str:
    subject, _, attribute = name.partition(".")
    found: str = document[subject][attribute]
    return found
