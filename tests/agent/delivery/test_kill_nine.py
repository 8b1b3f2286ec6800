"""A few kills in the ordinary suite; `make kill-nine` does 300."""

from pathlib import Path

from tests.agent.delivery.kill_nine import run


def test_nothing_is_lost_and_nothing_counts_twice_however_often_the_agent_is_killed(tmp_path: Path) -> None:
    outcome = run(kills=15, seed=7, directory=tmp_path)
    assert outcome.holds, outcome
    assert outcome.acknowledged > 15
    assert outcome.requests > 15
