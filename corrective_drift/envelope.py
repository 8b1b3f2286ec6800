"""What the headers of a request to store something say. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.wire.fields import schema_digest
from corrective_drift.problems import Code, Problem, malformed
from corrective_drift.tokens import bearer

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_AUDIT_HEAD = re.compile(r"[0-9]{1,18}:[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"application/json(; *charset=\"?utf-8\"?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the headers of a request say."""

    batch_id: str
    encoding: str
    schema_digest: str
    consent_digest: str | None
    audit_head: str | None
    token_sha256: bytes | None
    names_sender: bool
    """Whether anything in them would tell who sends."""


def envelope(headers: Mapping[str, str]) -> Envelope:
    """Return what the headers of a request say; their names are in lower case. Raises Problem."""
    if not _MEDIA_TYPE.fullmatch(headers.get("content-type", "")):
        raise Problem(Code.MEDIA_TYPE, "Content-Type must be application/json")
    batch_id = headers.get("idempotency-key", "")
    if not _UUID.fullmatch(batch_id):
        raise malformed("the header Idempotency-Key must be a UUID in lower case")
    schema = headers.get("prism-schema", "")
    if not _DIGEST.fullmatch(schema):
        raise malformed("the header Prism-Schema must be the digest of the schema, 64 hexadecimal digits")
    if schema != schema_digest():
        raise stale(f"the documents follow another schema than {schema_digest()}, which this service takes")
    consent, head = headers.get("prism-consent"), headers.get("prism-audit-head")
    if consent is not None and not _DIGEST.fullmatch(consent):
        raise malformed("the header Prism-Consent must be a digest, 64 hexadecimal digits")
    if head is not None and not _AUDIT_HEAD.fullmatch(head):
        raise malformed("the header Prism-Audit-Head must be a number of lines, a colon, and a digest")
    named = ("authorization", "prism-consent", "prism-audit-head", "prism-api-key")
    return Envelope(
        batch_id=batch_id,
        encoding=headers.get("content-encoding", "identity"),
        schema_digest=schema,
        consent_digest=consent,
        audit_head=head,
        token_sha256=bearer(headers.get("authorization")),
        names_sender=any(name in headers for name in named),
    )


def stale(detail: str) -> Problem:
    """Return the answer after which an agent pauses until consent is given again."""
    return Problem(Code.CONSENT_STALE, detail)
