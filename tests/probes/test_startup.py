from pathlib import Path

import pytest

from probes.errors import InvalidRequest, Unavailable
from probes.measure.result import PhaseKind
from probes.measure.stability import FlagCode
from probes.probe import Context, Measurement, Profile
from probes.startup import PROBE


@pytest.fixture(scope="module")
def short() -> Measurement:
    spec = PROBE.spec(Profile.QUICK, {}).model_copy(update={"round_seconds": 0.1})
    return PROBE.measure(spec, Context(budget_seconds=60))


def test_all_starts_are_measured_in_six_rounds(short: Measurement) -> None:
    assert [metric.name for metric in short.metrics] == ["exec", "process_start", "interpreter_start", "service_start"]
    assert {len(metric.rounds) for metric in short.metrics} == {6}


def test_the_more_has_to_be_done_the_later_it_is_done(short: Measurement) -> None:
    floors = [metric.summary.minimum for metric in short.metrics]
    assert floors == sorted(floors)
    assert floors[0] > 0


def test_results_say_that_the_page_cache_was_warm(short: Measurement) -> None:
    assert {metric.conditions["page_cache"] for metric in short.metrics} == {"warm"}
    assert short.facts["page_cache"] == "warm"


def test_a_spent_budget_is_flagged() -> None:
    spec = PROBE.spec(Profile.QUICK, {}).model_copy(update={"round_seconds": 0.05})
    phases: list[PhaseKind] = []
    context = Context(budget_seconds=0.01, on_phase=lambda _name, kind: phases.append(kind))
    assert [flag.code for flag in PROBE.measure(spec, context).flags] == [FlagCode.BUDGET_SPENT]
    assert phases == [PhaseKind.PREPARE, PhaseKind.WARM_UP, PhaseKind.MEASURE]


def test_checking_starts_each_once() -> None:
    assert PROBE.check(PROBE.spec(Profile.QUICK, {}))["page_cache"] == "warm"


def test_checking_without_echo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="coreutils"):
        PROBE.check(PROBE.spec(Profile.QUICK, {}))


def test_options_are_refused_since_there_are_none() -> None:
    with pytest.raises(InvalidRequest, match="size"):
        PROBE.spec(Profile.QUICK, {"size": "1GiB"})


def test_the_plans_are_those_of_the_profiles() -> None:
    seconds = {profile: PROBE.plan(PROBE.spec(profile, {})).seconds for profile in Profile}
    assert seconds[Profile.QUICK] <= 4
    assert seconds[Profile.QUICK] < seconds[Profile.STANDARD] <= 35 < seconds[Profile.THOROUGH]
