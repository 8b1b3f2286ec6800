"""A service that knows nothing yet says so, and invents nothing."""

from collections.abc import Callable

from sqlalchemy import delete

from corrective_drift.store.engine import writing
from corrective_drift.store.schema import BATCHES, REPORTS
from tests.corrective_drift.dashboard.sample import OURS
from tests.corrective_drift.dashboard.visitor import Visitor
from tests.corrective_drift.running import Running

Visit = Callable[..., Visitor]


def test_an_empty_installation_says_that_there_is_no_baseline(visit: Visit, empty_site: Running) -> None:
    one = visit(empty_site)
    assert one.page.goto(empty_site.url) is not None
    assert one.page.url.endswith("/dashboard/")
    main = one.page.get_by_role("main").inner_text()
    assert "There is no baseline yet: nothing was released as yet" in main
    assert "At least 20 clusters" in main
    one.sign_in(OURS.token)
    assert "No cluster here has this token" in one.page.get_by_role("alert").inner_text()


def test_without_a_release_a_cluster_sees_its_reports_and_no_comparison(visit: Visit, small_site: Running) -> None:
    one = visit(small_site)
    one.sign_in(OURS.token)
    main = one.page.get_by_role("main")
    assert "There is no baseline yet" in main.inner_text()
    assert "EKS on AWS" in main.inner_text()
    one.unfold()
    assert main.get_by_role("cell", name="no baseline yet").count() > 20
    assert main.get_by_role("img").count() == 0


def test_a_cluster_whose_reports_are_past_their_time_has_pages_all_the_same(visit: Visit, small_site: Running) -> None:
    with writing(small_site.service.engine) as connection:
        connection.execute(delete(REPORTS))
        connection.execute(delete(BATCHES))
    one = visit(small_site)
    one.sign_in(OURS.token)
    for path, says in {
        "/cluster": "No report is stored",
        "/trends": "Trends need values of two days at least",
        "/recommendations": "There is no report of the last eight weeks",
        "/stored/reports": "There are no rows",
        "/erase": "Erase this cluster",
    }.items():
        assert one.goto(path).status == 200
        assert says in one.page.get_by_role("main").inner_text()
        one.unfold()
        assert one.outside(320) == []
