"""POST /v1/consent: which consent holds, or that none does any more."""

import re
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from agent.wire.fields import schema_digest
from corrective_drift.inflate import parsed
from corrective_drift.problems import Problem, invalid
from corrective_drift.routes.answers import SECURED, SENDERS_PROBLEMS, answer, body_of, good, problems, token_of
from corrective_drift.service import service_of
from corrective_drift.store.clusters import Claim, Register

router = APIRouter()
# Three short values.
_LARGEST_BYTES = 4096
_FORMS = {"cluster_id": re.compile(r"[a-z2-7]{26}"), "consent": re.compile(r"[0-9a-f]{64}")}
_TOLD = {
    "type": "object",
    "required": ["cluster_id", "consent", "revoked"],
    "properties": {
        "cluster_id": {"type": "string", "pattern": "^[a-z2-7]{26}$"},
        "consent": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "revoked": {"type": "boolean"},
    },
    "additionalProperties": False,
}
_EXAMPLE = {"cluster_id": "a" * 26, "consent": "c0" * 32, "revoked": True}


@router.post(
    "/v1/consent",
    summary="Tell which consent holds",
    response_class=Response,
    responses=good("What holds now.", _TOLD, _EXAMPLE) | problems(*SENDERS_PROBLEMS),
    openapi_extra=SECURED
    | {"requestBody": {"required": True, "content": {"application/json": {"schema": _TOLD, "example": _EXAMPLE}}}},
)
async def tell_consent(request: Request) -> Response:
    """A consent that was revoked, or that another has replaced, never holds again: it takes a new one, by a person."""
    service = service_of(request)
    token = token_of(request)
    service.limits.admit(token)
    told = _read(await body_of(request, _LARGEST_BYTES))
    claim = Claim(
        cluster_pid=told["cluster_id"],
        token_sha256=token,
        consent_digest=told["consent"],
        schema_digest=schema_digest(),
    )

    def change(connection: Connection) -> Problem | None:
        register = Register(connection, [claim], service.today().isoformat())
        refused = register.revoke(claim) if told["revoked"] else register.admit(claim)
        if refused is None:
            register.write()
        return refused

    await service.writer.run(change)
    return answer(told)


def _read(body: bytes) -> dict[str, Any]:
    told = parsed(body)
    if type(told) is not dict or told.keys() != {*_FORMS, "revoked"}:
        raise invalid("body", "must be an object of cluster_id, consent and revoked")
    for name, form in _FORMS.items():
        if type(told[name]) is not str or not form.fullmatch(told[name]):
            raise invalid(name, f"must have the form {form.pattern}")
    if type(told["revoked"]) is not bool:
        raise invalid("revoked", "must be true or false")
    return dict(told)
