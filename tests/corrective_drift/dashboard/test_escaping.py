"""What can reach a page is text there, whatever it is: past the checks of documents too, straight into the store."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import LargeBinary, String, select, update

from corrective_drift.store.engine import writing
from corrective_drift.store.holdings import HELD
from corrective_drift.store.schema import CLUSTERS, REPORTS
from tests.corrective_drift.dashboard.sample import OURS
from tests.corrective_drift.dashboard.visitor import Visitor
from tests.corrective_drift.running import Running

HOSTILE = (
    "\"'><script>document.title='caught'</script><img src=//elsewhere.example/x onerror=alert(1)>"
    "{{7777*7}}\u202e\x1b[31m"
)
PATHS = (
    "/", "/cluster", "/trends", "/recommendations", "/stored", *(f"/stored/{table.name}" for table in HELD), "/erase",
)  # fmt: skip


def hostile(value: Any) -> Any:
    """Put a hostile text in the place of every word, and beside the keys that are known; rows and numbers stay."""
    match value:
        case dict():
            changed = {key: hostile(each) for key, each in value.items()}
            return changed | {HOSTILE: HOSTILE}
        case list():
            return [HOSTILE] if value and isinstance(value[0], str) else [*map(hostile, value)]
        case str():
            return HOSTILE
        case _:
            return value


@pytest.fixture
def planted(small_site: Running) -> Iterator[Running]:
    """Hostile texts in every text of the store but the days, by which reports are found."""
    kept = {"cluster_pid", "day", "first_day", "received_day", "document", "report_id"}
    with writing(small_site.service.engine) as connection:
        for table in HELD:
            texts = [each for each in table.c if isinstance(each.type, String) and each.name not in kept]
            for column in texts if table.name != "batches" else [table.c.audit_head]:
                connection.execute(update(table).values({column: HOSTILE}))
        for report_id, text in connection.execute(select(REPORTS.c.report_id, REPORTS.c.document)).all():
            document = json.loads(text)
            changed = {key: hostile(each) for key, each in document.items() if key not in {"day", "level"}}
            changed |= {"day": document["day"], "level": HOSTILE}
            connection.execute(
                update(REPORTS).where(REPORTS.c.report_id == report_id).values(
                    document=json.dumps(changed), report_id=f"{HOSTILE}{report_id}"
                )
            )  # fmt: skip
    return small_site


def test_no_value_of_the_store_becomes_a_part_of_a_page(visit: Callable[..., Visitor], planted: Running) -> None:
    one = visit(planted)
    one.sign_in(OURS.token)
    seen = [*PATHS]
    one.goto("/stored/reports")
    link = one.page.get_by_role("main").get_by_role("table").get_by_role("link").first
    seen.append((link.get_attribute("href") or "").removeprefix("/dashboard"))
    shown = 0
    for path in seen:
        assert one.goto(path).status == 200, (path, planted.events[-1])
        shown += "<script>document.title" in one.page.get_by_role("main").inner_text()
        assert one.page.title().endswith("Corrective Drift"), path
        assert one.page.locator("script, main img, iframe, object, [onerror], [style]").count() == 0, path
        assert "54439" not in one.page.get_by_role("main").inner_text().replace(OURS.cluster_id, ""), path
        assert "\u202e" not in one.page.content()
        assert "\x1b" not in one.page.content()
    # As text it is there: nobody hides what is kept.
    assert shown >= 5


@pytest.mark.parametrize(
    "path",
    [
        "/%3Cscript%3Ecaught()%3C/script%3E",
        "/stored/%3Cscript%3Ecaught()",
        "/stored/reports/%3Cscript%3Ecaught()",
        "/trends?days=%22%3E%3Cscript%3Ecaught()",
        "/stored/votes?page=%3Cscript%3Ecaught()",
    ],
)
def test_nothing_of_an_address_is_repeated(visit: Callable[..., Visitor], small_site: Running, path: str) -> None:
    one = visit(small_site)
    one.sign_in(OURS.token)
    one.goto(path)
    assert one.page.locator("script").count() == 0
    assert "caught" not in one.page.content()


def test_the_store_has_no_other_text_of_a_client() -> None:
    assert {table.name for table in HELD} == {"clusters", "consents", "reports", "batches", "votes"}
    assert isinstance(CLUSTERS.c.token_sha256.type, LargeBinary)
