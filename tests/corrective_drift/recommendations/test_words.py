"""What `telemetry-agent recommendations` makes of the service's answer, whatever that is."""

import json
from typing import Any

import pytest

from agent.cli.telemetry.recommendations import _lines
from corrective_drift.recommendations.prices import read_prices
from tests.corrective_drift.recommendations.cases import advice, released
from tests.corrective_drift.recommendations.test_rules import COHORT, NODES, documents, requested, slow, version

PRICES = read_prices('source = "ours"\ncurrency = "EUR"\ncore_month = 20\n')
WASTE = documents(10, {**NODES, **requested(0.6), "usage.cpu_unused_share": "75-90%"})


def words(found: Any) -> str:
    return "\n".join(line for each in json.loads(found.model_dump_json())["recommendations"] for line in _lines(each))


def test_a_person_reads_value_interval_baseline_saving_risk_and_undo() -> None:
    told = words(advice(slow(726), released(COHORT)))
    assert "1.74 ms (95 % interval 1.72 ms to 1.75 ms), over 10 days" in told
    assert "threshold 1.16 ms; all clusters, 100 clusters or more, 2026-W46" in told
    assert "saving: time: 1.14 ms to 1.17 ms" in told
    assert all(f"\n  {key}: " in told for key in ("confidence", "action", "risk", "undo"))


def test_money_is_named_only_where_there_is_a_price() -> None:
    assert "EUR a month" in words(advice(WASTE, prices=PRICES))
    assert "a month" not in words(advice(WASTE))
    assert "0.75 to 0.9 of what is requested" in words(advice(WASTE))


def test_a_date_is_told_with_the_day_on_which_it_was_looked_up() -> None:
    assert "as of 2026-11-24" in words(advice(version("1.29")))


@pytest.mark.parametrize(
    "answer", [{}, {"observed": 3, "baseline": []}, {"observed": {}, "savings": [1, {}]}, {"baseline": {"cohort": 1}}]
)
def test_an_answer_of_another_service_is_no_error(answer: dict[str, Any]) -> None:
    assert list(_lines(answer))
