import stat
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.configuration import Consent
from agent.errors import StateUnusable
from agent.levels import DataType, Level
from agent.privacy.consent import Asked, bound, grant, read_consent, revoke, write_consent
from agent.privacy.stops import Consented, Stop, Switches, first_stop
from agent.state import State, choose_directory, read_private, write_private

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ASKED = Asked(level=Level.STANDARD, data_types=frozenset(DataType), schema_digest="a" * 16)
SECTION = Consent(timestamp=NOW, version="1.0", privacy_policy_url="https://example.org/privacy")


def switches(**changes: object) -> Switches:
    consented = Consented(level=Level.STANDARD, data_types=frozenset(DataType), schema_digest="a" * 16, revoked=False)
    values = {
        "do_not_track": False,
        "switched_off": False,
        "enabled": True,
        "consented": consented,
        "level": Level.STANDARD,
        "data_types": frozenset(DataType),
        "schema_digest": "a" * 16,
        "service_gone": False,
    }
    return Switches(**values | changes)


def consented(**changes: object) -> Consented:
    values = {"level": Level.STANDARD, "data_types": frozenset(DataType), "schema_digest": "a" * 16, "revoked": False}
    return Consented(**values | changes)


# What makes each stop hold, alone.
ALONE = {
    Stop.DO_NOT_TRACK: {"do_not_track": True},
    Stop.SWITCHED_OFF: {"switched_off": True},
    Stop.NOT_ENABLED: {"enabled": False},
    Stop.CONSENT_REVOKED: {"consented": consented(revoked=True)},
    Stop.CONSENT_MISSING: {"consented": None},
    Stop.CONSENT_STALE: {"consented": consented(schema_digest="b" * 16)},
    Stop.NOT_CONSENTED_TO: {"consented": consented(level=Level.MINIMAL)},
    Stop.SERVICE_GONE: {"service_gone": True},
}


def test_nothing_stands_against_an_agent_that_is_enabled_and_consented_to() -> None:
    assert first_stop(switches()) is None


def test_every_stop_alone_stops() -> None:
    assert set(ALONE) == set(Stop)
    assert {stop: first_stop(switches(**change)) for stop, change in ALONE.items()} == {stop: stop for stop in Stop}


@pytest.mark.parametrize(("first", "second"), [pair for pair in product(Stop, Stop) if pair[0] != pair[1]])
def test_of_two_stops_the_earlier_in_the_order_is_told(first: Stop, second: Stop) -> None:
    changes = ALONE[second] | ALONE[first]
    if "consented" in ALONE[first] and "consented" in ALONE[second]:
        return  # there is one consent: the later one of the two replaced the other
    order = list(Stop)
    assert first_stop(switches(**changes)) is min(first, second, key=order.index)


@pytest.mark.parametrize("data_type", DataType)
def test_a_data_type_beyond_the_consented_ones_stops(data_type: DataType) -> None:
    narrower = consented(data_types=frozenset(DataType) - {data_type})
    assert first_stop(switches(consented=narrower)) is Stop.NOT_CONSENTED_TO
    assert first_stop(switches(consented=narrower, data_types=frozenset(DataType) - {data_type})) is None


@given(asked=st.sampled_from(Level), given_level=st.sampled_from(Level))
def test_a_level_is_covered_by_itself_and_by_higher_ones(asked: Level, given_level: Level) -> None:
    stop = first_stop(switches(level=asked, consented=consented(level=given_level)))
    assert (stop is None) == (list(Level).index(asked) <= list(Level).index(given_level))


def test_every_stop_says_what_ends_it() -> None:
    assert all(stop.remedy for stop in Stop)


def test_a_section_is_bound_to_the_schema_of_the_first_start() -> None:
    record = bound(None, SECTION, ASKED)
    assert record is not None
    assert (record.schema_digest, record.granted_at) == (ASKED.schema_digest, NOW)
    later = bound(record, SECTION, Asked(level=Level.STANDARD, data_types=frozenset(DataType), schema_digest="b" * 16))
    assert later == record


def test_a_section_that_names_its_schema_is_bound_to_that_one_even_at_the_first_start() -> None:
    named = SECTION.model_copy(update={"schema_digest": "c" * 16})
    record = bound(None, named, ASKED)
    assert record is not None
    assert record.schema_digest == "c" * 16


def test_a_section_that_names_its_level_covers_no_more_even_at_the_first_start() -> None:
    """Such as where the state does not last, and the configuration has come to ask for more."""
    named = SECTION.model_copy(update={"level": Level.MINIMAL})
    record = bound(None, named, Asked(level=Level.DETAILED, data_types=frozenset(), schema_digest="a" * 16))
    assert record is not None
    assert record.level is Level.MINIMAL


def test_a_section_does_not_renew_a_consent_that_was_revoked() -> None:
    record = bound(None, SECTION, ASKED)
    assert record is not None
    revoked = revoke(record, now=NOW + timedelta(days=1))
    assert bound(revoked, SECTION, ASKED) == revoked


def test_a_later_section_is_a_new_act() -> None:
    record = bound(None, SECTION, ASKED)
    assert record is not None
    revoked = revoke(record, now=NOW + timedelta(days=1))
    later = SECTION.model_copy(update={"timestamp": NOW + timedelta(days=2)})
    renewed = bound(revoked, later, ASKED)
    assert renewed is not None
    assert renewed.revoked_at is None


@pytest.mark.parametrize(
    "written", [{"schema_digest": "b" * 16}, {"level": Level.DETAILED}, {"level": Level.MINIMAL}, {"version": "2.0"}]
)
def test_a_section_that_comes_to_name_something_else_is_a_new_act_unless_consent_was_revoked(
    written: dict[str, object],
) -> None:
    record = bound(None, SECTION, ASKED)
    assert record is not None
    changed = SECTION.model_copy(update=written)
    renewed = bound(record, changed, ASKED)
    assert renewed is not None
    assert renewed.digest != record.digest
    assert bound(renewed, changed, ASKED) == renewed
    revoked = revoke(record, now=NOW + timedelta(days=1))
    assert bound(revoked, changed, ASKED) == revoked
    granted = grant(ASKED, policy_version="1.0", now=NOW)
    assert bound(granted, changed, ASKED) == granted


def test_after_a_rotation_a_changed_section_does_not_bring_an_old_digest_back() -> None:
    record = bound(None, SECTION, ASKED)
    assert record is not None
    rotated = record.model_copy(update={"granted_at": NOW + timedelta(days=1)})
    changed = bound(rotated, SECTION.model_copy(update={"version": "2.0"}), ASKED)
    back = bound(changed, SECTION, ASKED)
    assert back is not None
    assert back.digest == rotated.digest != record.digest


def test_what_a_command_grants_and_revokes_outlasts_a_section_dated_ahead_of_the_clock() -> None:
    section = bound(None, SECTION, ASKED)
    earlier = NOW - timedelta(hours=8)
    granted = grant(ASKED, policy_version="1.0", now=earlier, before=section)
    assert bound(granted, SECTION, ASKED) == granted
    revoked = revoke(granted, now=earlier)
    assert bound(revoked, SECTION, ASKED) == revoked


def test_revoking_twice_keeps_the_first_time() -> None:
    record = revoke(grant(ASKED, policy_version="1.0", now=NOW), now=NOW)
    assert revoke(record, now=NOW + timedelta(days=1)) == record


def test_a_consent_is_kept_and_read_again(tmp_path: Path) -> None:
    path = State(tmp_path).consent
    assert read_consent(path) is None
    record = grant(ASKED, policy_version="1.0", now=NOW)
    write_consent(path, record)
    assert read_consent(path) == record
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b'{"granted_at": 1}', b"\xff", b"[]"])
def test_a_damaged_consent_is_no_consent_and_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "consent.json"
    path.write_bytes(content)
    with pytest.raises(StateUnusable, match="no consent record"):
        read_consent(path)


def test_a_state_directory_is_its_owners_alone(tmp_path: Path) -> None:
    state = State(tmp_path / "deep" / "state")
    state.prepare()
    assert stat.S_IMODE(state.directory.stat().st_mode) == 0o700
    state.prepare()


def test_a_state_directory_that_can_not_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match="state_dir"):
        State(tmp_path / "file" / "state").prepare()


def test_a_failed_write_leaves_the_old_content_and_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_private(path, b"old")
    with pytest.raises(TypeError):
        write_private(path, "text")  # type: ignore[arg-type]
    assert read_private(path) == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]


def test_the_state_directory_is_the_configured_one_or_the_users(tmp_path: Path) -> None:
    assert choose_directory(tmp_path, {}) == tmp_path
    chosen = choose_directory(None, {"XDG_STATE_HOME": str(tmp_path)})
    assert chosen.name in {"prism-telemetry-agent", "telemetry-agent"}
