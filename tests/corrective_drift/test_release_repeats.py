"""A release that is carried out twice, one after the other or at once."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import Engine, select

from corrective_drift import releases
from corrective_drift.store.engine import reading, writing
from corrective_drift.store.releases import KeptRelease
from corrective_drift.store.schema import CLUSTERS, VOTES
from probes.measure.baselines import LEAST_CONTRIBUTORS, read_release
from tests.corrective_drift.fleet import TODAY, WEEKS, fleet, report


def release(engine: Engine) -> KeptRelease:
    return releases.release(engine, WEEKS[0], today=TODAY, chance=random.Random(1))


def test_who_revokes_after_a_killed_release_is_not_in_its_repeat(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(LEAST_CONTRIBUTORS))
    releases._vote(engine, WEEKS[0])
    with writing(engine) as connection:
        connection.execute(CLUSTERS.update().where(CLUSTERS.c.cluster_pid == fleet(1)[0].pid).values(revoked=True))
    assert read_release(release(engine).document).is_empty


def test_what_was_published_keeps_its_votes_though_another_release_is_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(engine, WEEKS[0], fleet(30))
    begun, published, vote = Event(), Event(), releases._vote

    def vote_late(engine: Engine, week: str) -> None:
        if not begun.is_set():
            begun.set()
            assert published.wait(60)
        vote(engine, week)

    monkeypatch.setattr(releases, "_vote", vote_late)
    with ThreadPoolExecutor(1) as beside:
        behind = beside.submit(release, engine)
        assert begun.wait(60)
        kept = release(engine)
        report(engine, WEEKS[0], fleet(30, first=100))
        published.set()
        assert behind.result() == kept
    with reading(engine) as connection:
        assert set(connection.execute(select(VOTES.c.cluster_pid)).scalars()) == {each.pid for each in fleet(30)}
