"""The pages about the cluster that is signed in."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from corrective_drift.dashboard import names, report_words, stored
from corrective_drift.dashboard.advice import recommendations as advised
from corrective_drift.dashboard.desk import Desk, own, page
from corrective_drift.dashboard.sessions import Session
from corrective_drift.dashboard.standing import standings
from corrective_drift.dashboard.trends import trends as trends_of
from corrective_drift.problems import Code, Problem
from corrective_drift.recommendations.engine import recommend
from corrective_drift.recommendations.evidence import WINDOW_DAYS
from corrective_drift.store import holdings
from probes.measure.baselines import LADDER

# Of seven days the first and the last are six apart.
_WEEK = timedelta(days=6)
WINDOWS_DAYS = (30, 90, 365)
_MOST_DOCUMENTS = 4000
# Permutations of a hundred series take a second of a core: whoever else asks waits.
_ONE_AT_A_TIME = Lock()
_ROWS_A_PAGE = 50


@own
def cluster(desk: Desk, request: Request, session: Session, connection: Connection) -> Response:
    """GET /cluster: the latest report in words, and where the cluster stands."""
    documents = _latest_week(connection, session.cluster_id)
    if not documents:
        return page(request, "cluster.html.j2", report=None, standings=None)
    return page(
        request,
        "cluster.html.j2",
        report=report_words.report(documents[-1]),
        standings=standings(documents, desk.service.baselines.latest().release),
        reports=names.plural(len(documents), "report"),
        rungs=len(LADDER) - 1,
    )


@own
def trends(desk: Desk, request: Request, session: Session, connection: Connection) -> Response:
    """GET /trends?days=N."""
    days = next((each for each in WINDOWS_DAYS if str(each) == request.query_params.get("days")), WINDOWS_DAYS[1])
    since = desk.service.today() - timedelta(days=days)
    documents = _documents(connection, session.cluster_id, since)
    with _ONE_AT_A_TIME:
        found = trends_of(documents)
    return page(request, "trends.html.j2", trends=found, days=days, windows=WINDOWS_DAYS)


@own
def recommendations(desk: Desk, request: Request, session: Session, connection: Connection) -> Response:
    """GET /recommendations."""
    today = desk.service.today()
    documents = _documents(connection, session.cluster_id, today - timedelta(days=WINDOW_DAYS))
    advice = recommend(
        documents, desk.service.baselines.latest().release, today=today, prices=desk.service.settings.prices
    )
    return page(request, "recommendations.html.j2", advice=advised(advice))


@own
def kept(_desk: Desk, request: Request, session: Session, connection: Connection) -> Response:
    """GET /stored: what there is, by table."""
    counts = holdings.count(connection, session.cluster_id)
    return page(request, "stored.html.j2", holdings=stored.HOLDINGS, counts=counts, cluster_id=session.cluster_id)


@own
def rows(_desk: Desk, request: Request, session: Session, connection: Connection) -> Response:
    """GET /stored/{table}?page=N: every row of a table."""
    table = next((each for each in holdings.HELD if each.name == request.path_params["table"]), None)
    if table is None:
        raise Problem(Code.NOT_FOUND, "there is no such table")
    total = holdings.count(connection, session.cluster_id)[table.name]
    pages = max(1, -(-total // _ROWS_A_PAGE))
    number = min(_number(request.query_params.get("page")), pages)
    found = holdings.rows(connection, table, session.cluster_id, offset=(number - 1) * _ROWS_A_PAGE, most=_ROWS_A_PAGE)
    return page(
        request,
        "reports.html.j2" if table.name == "reports" else "rows.html.j2",
        table=table.name,
        holding=stored.HOLDINGS[table.name],
        rows=found if table.name == "reports" else stored.cells(table.name, found),
        total=total,
        number=number,
        pages=pages,
    )


@own
def report(_desk: Desk, request: Request, session: Session, connection: Connection) -> Response:
    """GET /stored/reports/{report}: each field of a document with its purpose."""
    text = holdings.document(connection, session.cluster_id, request.path_params["report"])
    if text is None:
        raise Problem(Code.NOT_FOUND, "this cluster has no such report")
    document = json.loads(text)
    return page(
        request,
        "report.html.j2",
        day=str(document.get("day", "")),
        around=stored.around(document),
        collectors=report_words.report(document).collectors,
        groups=stored.described(document),
    )


@own
def download(_desk: Desk, _request: Request, session: Session, connection: Connection) -> Response:
    """GET /stored.json: everything, for a machine."""
    everything = {
        table.name: holdings.rows(connection, table, session.cluster_id, offset=0, most=_MOST_ROWS)
        for table in holdings.HELD
    }
    for each in everything["reports"]:
        each["document"] = json.loads(each["document"])
    headers = {"Content-Disposition": 'attachment; filename="stored.json"'}
    text = json.dumps(everything, indent=1, default=bytes.hex)
    return Response(text, headers=headers, media_type="application/json")


# More than a cluster can have within the retention by reporting hourly.
_MOST_ROWS = 1_000_000


def _latest_week(connection: Connection, cluster_id: str) -> list[Mapping[str, Any]]:
    last = holdings.last_day(connection, cluster_id)
    return [] if last is None else _documents(connection, cluster_id, date.fromisoformat(last) - _WEEK)


def _documents(connection: Connection, cluster_id: str, since: date) -> list[Mapping[str, Any]]:
    found = holdings.documents(connection, cluster_id, since_day=since.isoformat(), most=_MOST_DOCUMENTS)
    return [json.loads(text) for text in found]


def _number(text: str | None) -> int:
    return max(1, int(text)) if text is not None and text.isdecimal() and len(text) < len("1000000") else 1
