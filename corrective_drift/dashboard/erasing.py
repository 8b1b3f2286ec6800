"""Erasing a cluster by hand: asked twice, and answered by a signed receipt."""

import json
import uuid

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.dashboard.desk import Desk, desk_of, own, page, redirect, to_sign_in
from corrective_drift.dashboard.guard import COOKIE
from corrective_drift.dashboard.sessions import Session
from corrective_drift.dashboard.signing import form_of_session
from corrective_drift.dashboard.stored import HOLDINGS
from corrective_drift.erasure import erase
from corrective_drift.log import Event
from corrective_drift.problems import Code, Problem
from corrective_drift.receipts import Receipt
from corrective_drift.store import holdings

SURE = "yes"


@own
def ask(_desk: Desk, request: Request, session: Session, connection: Connection) -> Response:
    """GET /erase."""
    counts = holdings.count(connection, session.cluster_id)
    return page(request, "erase.html.j2", counts=[(HOLDINGS[each].title, f"{n:,}") for each, n in counts.items()])


async def carry_out(request: Request) -> Response:
    """POST /erase: `sure` must be there."""
    session, sent = await form_of_session(request)
    if session.receipt is not None:
        return redirect(request, "/erased")
    if sent.get("sure") != SURE:
        raise Problem(Code.MALFORMED, "nothing was erased: the box that says so was not ticked")
    desk, service = desk_of(request), desk_of(request).service
    new_id = uuid.uuid4().hex

    def work(connection: Connection) -> Receipt:
        return erase(
            connection,
            session.cluster_id,
            session.token_sha256,
            signer=service.signer,
            today=service.today(),
            receipt_id=new_id,
        )

    receipt = await service.writer.run(work)
    if receipt["receipt"] == new_id:
        service.log.say(Event.ERASED, reports=receipt["before"]["reports"])
    desk.sessions.erased(request.cookies.get(COOKIE, ""), receipt)
    return redirect(request, "/erased")


def erased(request: Request) -> Response:
    """GET /erased: the receipt, for as long as the session lasts."""
    receipt = _receipt(request)
    if receipt is None:
        return to_sign_in(request)
    counts = [
        (HOLDINGS[each].title if each in HOLDINGS else each, f"{before:,}", f"{receipt['after'].get(each, 0):,}")
        for each, before in receipt["before"].items()
    ]
    return page(request, "erased.html.j2", receipt=receipt, counts=counts, text=_text(receipt))


def download(request: Request) -> Response:
    """GET /erased/receipt.json."""
    receipt = _receipt(request)
    if receipt is None:
        return to_sign_in(request)
    headers = {"Content-Disposition": 'attachment; filename="erasure-receipt.json"'}
    return Response(_text(receipt), headers=headers, media_type="application/json")


def _receipt(request: Request) -> Receipt | None:
    session = desk_of(request).session(request)
    return None if session is None else session.receipt


def _text(receipt: Receipt) -> str:
    return json.dumps(receipt, indent=2, sort_keys=True)
