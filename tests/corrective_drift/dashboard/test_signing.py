"""Who is let in, for how long, and whose forms are taken. On both engines, without a browser."""

import re
import time

import pytest
from sqlalchemy import Engine, insert, select, update

from corrective_drift.dashboard.desk import WRONG_RATE
from corrective_drift.dashboard.sessions import SESSION_SECONDS
from corrective_drift.limits import OWN_RATE
from corrective_drift.store.engine import reading, writing
from corrective_drift.store.schema import CLUSTERS, CONSENTS, REPORTS
from corrective_drift.tokens import digest
from tests.corrective_drift.dashboard.conftest import Client, Clock
from tests.corrective_drift.dashboard.sample import OURS

OWN_PAGES = (
    "/cluster", "/trends", "/recommendations", "/stored", "/stored.json", "/stored/reports", "/stored/reports/x",
    "/erase", "/erased", "/erased/receipt.json",
)  # fmt: skip
LONG_ENOUGH_TO_BE_ONE = "x" * 43


def signed_in(client: Client) -> Client:
    answered = client.post("/sign-in", token=OURS.token)
    assert (answered.status_code, answered.headers["location"]) == (303, "/dashboard/cluster")
    return client


def form_word(client: Client) -> str:
    found = re.search(r'name="form" value="([^"]+)"', client.get("/erase").text)
    assert found
    return found[1]


def test_the_cookie_is_a_random_word_that_only_our_own_pages_get_back(client: Client) -> None:
    cookie = client.post("/sign-in", token=OURS.token).headers["set-cookie"]
    word, *attributes = re.split(r"; ?", cookie)
    assert word.startswith("__Host-session=")
    assert {each.lower() for each in attributes} == {
        "httponly", "secure", "samesite=strict", "path=/", f"max-age={SESSION_SECONDS}"
    }  # fmt: skip
    said = word.removeprefix("__Host-session=")
    assert len(said) >= 43
    for secret in (OURS.token, OURS.cluster_id, digest(OURS.token).hex()):
        assert secret not in cookie
    assert client.post("/sign-in", token=OURS.token).headers["set-cookie"] != cookie


@pytest.mark.parametrize("path", OWN_PAGES)
def test_without_a_session_every_page_of_a_cluster_leads_to_the_sign_in(client: Client, path: str) -> None:
    answered = client.get(path)
    assert (answered.status_code, answered.headers["location"]) == (303, "/dashboard/sign-in?needed=1")
    client.cookies.set("__Host-session", LONG_ENOUGH_TO_BE_ONE, domain="localhost.local")
    assert client.get(path).headers["location"] == "/dashboard/sign-in?needed=1"


@pytest.mark.parametrize("token", ["", "short", LONG_ENOUGH_TO_BE_ONE, "é" * 43, "x" * 3000, f"{OURS.token}x"])
def test_a_wrong_token_is_told_so_and_not_repeated(client: Client, token: str) -> None:
    answered = client.post("/sign-in", token=token)
    assert answered.status_code == 403
    assert "No cluster here has this token" in answered.text
    assert "set-cookie" not in answered.headers
    assert len(token) < 40 or token not in answered.text


def test_white_space_around_a_pasted_token_is_no_mistake(client: Client) -> None:
    assert client.post("/sign-in", token=f"  {OURS.token}\r\n").status_code == 303


def test_wrong_tokens_run_out_and_a_right_one_is_taken_all_the_same(client: Client, clock: Clock) -> None:
    wrong = [client.post("/sign-in", token=LONG_ENOUGH_TO_BE_ONE) for _ in range(WRONG_RATE.burst + 1)]
    assert {each.status_code for each in wrong[:-1]} == {403}
    assert wrong[-1].status_code == 429
    assert int(wrong[-1].headers["retry-after"]) >= 1
    assert re.search(r"Too many wrong tokens .* Wait \d seconds?", wrong[-1].text)
    assert 'name="token"' in wrong[-1].text
    assert client.post("/sign-in", token=OURS.token).status_code == 303
    clock.seconds += 1 / WRONG_RATE.per_second
    assert client.post("/sign-in", token=LONG_ENOUGH_TO_BE_ONE).status_code == 403


def test_a_session_ends_an_hour_after_it_began_however_much_it_is_used(client: Client, clock: Clock) -> None:
    signed_in(client)
    for _ in range(3):
        clock.seconds += SESSION_SECONDS / 3 - 1
        assert client.get("/cluster").status_code == 200
    clock.seconds += 3
    assert client.get("/cluster").status_code == 303


def test_who_signs_in_again_and_again_ends_only_the_own_older_sessions(client: Client) -> None:
    first = dict(signed_in(client).cookies)
    for _ in range(8):
        client.cookies.clear()
        latest = dict(signed_in(client).cookies)
    client.cookies.update(first)
    assert client.get("/cluster").status_code == 303
    client.cookies.update(latest)
    assert client.get("/cluster").status_code == 200


def test_pages_are_given_no_more_often_than_the_service_s_answers(client: Client) -> None:
    signed_in(client)
    answers = [client.get("/erase")]
    # The bucket fills up meanwhile, on a slow machine by nearly what is asked.
    deadline = time.monotonic() + 60
    while answers[-1].status_code == 200 and time.monotonic() < deadline:
        answers.append(client.get("/erase"))
    assert len(answers) > OWN_RATE.burst // 2
    # The refused one itself: half a second later another would be given.
    assert answers[-1].status_code == 429
    assert re.search(r"must wait for \d second", answers[-1].text)


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(client: Client) -> None:
    signed_in(client)
    kept = dict(client.cookies)
    assert client.post("/sign-out", form=form_word(client)).status_code == 303
    client.cookies.update(kept)
    assert client.get("/cluster").status_code == 303


def test_who_is_sent_to_the_sign_in_is_told_why(client: Client, clock: Clock) -> None:
    assert "A session ends an hour" not in client.get("/sign-in").text
    signed_in(client)
    form = {"form": form_word(client), "sure": "yes"}
    clock.seconds += SESSION_SECONDS + 1
    for answered in (client.get("/trends"), client.post("/erase", **form)):
        assert (answered.status_code, answered.headers["location"]) == (303, "/dashboard/sign-in?needed=1")
    assert "A session ends an hour after it began" in client.get("/sign-in?needed=1").text
    assert client.post("/sign-out", form=form["form"]).headers["location"] == "/dashboard/"


def test_problems_are_told_without_the_words_of_the_api(client: Client) -> None:
    signed_in(client)
    for answered in (client.get("/nothing"), client.get("/stored/nothing"), client.post("/erase", sure="yes")):
        assert answered.status_code in {403, 404}
        assert not re.search(r"Retry-After|bearer|token is not", answered.text, re.IGNORECASE)
        assert "There is no such page" in answered.text or "Nothing was changed" in answered.text


def test_a_form_of_another_site_or_of_another_session_does_nothing(client: Client, engine: Engine) -> None:
    signed_in(client)
    good = {"form": form_word(client), "sure": "yes"}
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
    ):
        assert client.ask("POST", "/erase", data=good, headers=headers).status_code == 403
        assert client.ask("POST", "/sign-in", data={"token": OURS.token}, headers=headers).status_code == 403
    for form in ({"sure": "yes"}, {"sure": "yes", "form": ""}, {"sure": "yes", "form": LONG_ENOUGH_TO_BE_ONE}):
        assert client.post("/erase", **form).status_code == 403
    assert client.post("/erase", form=good["form"]).status_code == 400
    with reading(engine) as connection:
        assert connection.execute(select(CLUSTERS)).all()
    assert client.ask("POST", "/erase", data=good, headers={"origin": "https://localhost"}).status_code == 303


def test_what_is_no_form_is_refused(client: Client) -> None:
    json = {"headers": {"content-type": "application/json"}, "content": b"{}"}
    assert client.ask("POST", "/sign-in", **json).status_code == 415
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.ask("POST", "/sign-in", headers=form, content=b"token=%ff\xff").status_code == 400
    assert client.ask("POST", "/sign-in", headers=form, content=b"a=1&" * 50).status_code == 400
    assert client.ask("POST", "/sign-in", headers=form, content=b"token=" + b"x" * 5000).status_code == 413


def test_a_session_ends_with_its_token_and_sees_no_other_cluster(client: Client, engine: Engine) -> None:
    with writing(engine) as connection:
        row = connection.execute(select(CLUSTERS)).mappings().one()
        connection.execute(insert(CLUSTERS).values({**row, "cluster_pid": "z" * 26, "token_sha256": digest("other")}))
        report = connection.execute(select(REPORTS)).mappings().first()
        assert report
        connection.execute(insert(REPORTS).values({**report, "cluster_pid": "z" * 26, "report_id": "theirs:0"}))
    signed_in(client)
    assert client.get("/stored/reports/theirs:0").status_code == 404
    assert "theirs" not in client.get("/stored/reports").text + client.get("/stored.json").text
    with writing(engine) as connection:
        connection.execute(
            update(CLUSTERS).where(CLUSTERS.c.cluster_pid == OURS.cluster_id).values(token_sha256=digest("new"))
        )
    assert client.get("/cluster").status_code == 303
    assert client.get("/stored").status_code == 303


def test_where_clusters_share_a_token_the_id_tells_which(client: Client, engine: Engine) -> None:
    with writing(engine) as connection:
        row = connection.execute(select(CLUSTERS)).mappings().one()
        connection.execute(insert(CLUSTERS).values({**row, "cluster_pid": "z" * 26}))
    asked = client.post("/sign-in", token=OURS.token)
    assert asked.status_code == 403
    assert 'name="cluster"' in asked.text
    assert client.post("/sign-in", token=OURS.token, cluster="y" * 26).status_code == 403
    assert client.post("/sign-in", token=OURS.token, cluster="z" * 26).status_code == 303
    assert "z" * 26 in client.get("/stored").text


def test_everything_that_is_stored_can_be_downloaded(client: Client, engine: Engine) -> None:
    everything = signed_in(client).get("/stored.json").json()
    assert {table: len(rows) for table, rows in everything.items()} == {
        "clusters": 1, "consents": 1, "reports": 3, "batches": 3, "votes": 0
    }  # fmt: skip
    assert everything["reports"][0]["document"]["cluster"]["provider"] == "aws"
    with reading(engine) as connection:
        (kept,) = connection.execute(select(CONSENTS)).mappings()
    assert everything["consents"] == [dict(kept)]


def test_pages_are_kept_by_nobody_and_what_never_changes_is(client: Client) -> None:
    assert signed_in(client).get("/stored").headers["cache-control"] == "no-store"
    style = client.get("/static/style.css")
    assert "immutable" in style.headers["cache-control"]
    for answered in (style, client.get("/"), client.get("/nothing"), client.post("/cluster")):
        assert "default-src 'none'" in answered.headers["content-security-policy"]
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert answered.headers["x-frame-options"] == "DENY"
    assert client.post("/cluster").status_code == 405
    assert client.get("/nothing").status_code == 404


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", "1e9", "9" * 400, "٣"])
def test_a_page_that_is_not_there_is_the_nearest_that_is(client: Client, page: str) -> None:
    assert signed_in(client).get(f"/stored/reports?page={page}").status_code == 200
