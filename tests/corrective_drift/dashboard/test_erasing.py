"""Erasing by hand, in a browser that runs no script at all."""

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from corrective_drift.receipts import is_genuine
from corrective_drift.store.engine import reading
from corrective_drift.store.holdings import HELD
from tests.corrective_drift.dashboard.sample import OURS
from tests.corrective_drift.dashboard.visitor import Visitor
from tests.corrective_drift.running import Running

Visit = Callable[..., Visitor]


def test_without_a_script_one_signs_in_reads_erases_and_keeps_the_receipt(
    visit: Visit, small_site: Running, tmp_path: Path
) -> None:
    one = visit(small_site, java_script_enabled=False)
    elsewhere = visit(small_site)
    elsewhere.sign_in(OURS.token)
    one.sign_in(OURS.token)
    page, main = one.page, one.page.get_by_role("main")
    page.get_by_role("link", name="Stored data").click()
    page.get_by_role("link", name="Erase this cluster").click()
    erase = page.get_by_role("button", name="Erase everything")
    erase.click()
    assert page.get_by_role("heading", level=1).inner_text() == "Erase this cluster"
    page.get_by_role("checkbox", name="Yes, erase everything").check()
    erase.click()
    page.wait_for_url("**/dashboard/erased")
    with page.expect_download() as download:
        main.get_by_role("link", name="Download the receipt").click()
    download.value.save_as(tmp_path / "receipt.json")
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert is_genuine(receipt, small_site.service.signer.public)
    assert receipt["before"]["reports"] == 3
    assert set(receipt["after"].values()) == {0}
    assert receipt["signature"] in main.inner_text()
    assert OURS.cluster_id not in page.content()
    with reading(small_site.service.engine) as connection:
        for table in HELD:
            assert not connection.execute(select(table).where(table.c.cluster_pid == OURS.cluster_id)).all()
    assert "erased" in {event["event"] for event in small_site.events}
    # The receipt is there again after a reload, and nothing else is; other sessions are over.
    page.reload()
    assert receipt["signature"] in main.inner_text()
    one.goto("/cluster")
    assert page.url.endswith("/erased")
    elsewhere.goto("/cluster")
    assert elsewhere.page.url.endswith("/sign-in?needed=1")
    page.get_by_role("button", name="Sign out").click()
    one.goto("/erased")
    assert page.url.endswith("/sign-in?needed=1")
    one.sign_in(OURS.token)
    assert "No cluster here has this token" in page.get_by_role("alert").inner_text()


def test_a_session_is_over_once_the_agent_has_erased_its_cluster(visit: Visit, small_site: Running) -> None:
    one = visit(small_site)
    one.sign_in(OURS.token)
    deleted = small_site.http.delete(f"/v1/data/{OURS.cluster_id}", headers={"authorization": f"Bearer {OURS.token}"})
    assert deleted.status_code == 200
    one.goto("/stored")
    assert one.page.url.endswith("/sign-in?needed=1")
