import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import frame
from probes.frame import Absent, Partial, Whole
from probes.measure.metric import Description, from_samples
from probes.measure.result import Better, ProbeResult, Status
from probes.measure.units import Unit


def result(*, metrics: int = 3, samples: int = 3000, seed: int = 1, reason: str | None = None) -> ProbeResult:
    random_source = np.random.default_rng(seed)
    described = [
        Description(
            name=f"m{number}", title="größte Wartezeit, µs", unit=Unit.NANOSECONDS, better=Better.LOWER, conditions={}
        )
        for number in range(metrics)
    ]
    values = [[random_source.lognormal(10, 2, samples) for _ in range(6)] for _ in described]
    return ProbeResult(
        probe="latency",
        status=Status.MEASURED,
        reason=reason,
        spec={"profile": "quick"},
        facts={"peer": "remote"},
        metrics=tuple(from_samples(each, rounds) for each, rounds in zip(described, values, strict=True)),
        duration_seconds=1.5,
    )


RESULT = result()
LINES = [line.encode() for line in frame.write(RESULT)]
WHOLE = Whole(result=RESULT)
NOISE = st.lists(st.binary(max_size=80).filter(lambda line: b"probe-" not in line and b"\n" not in line), max_size=8)


def log(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def test_a_frame_is_of_several_lines_that_no_runtime_breaks() -> None:
    assert len(LINES) > 2
    assert max(map(len, LINES)) < 16 * 1024


@given(noise=NOISE, random_source=st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_result_comes_back_from_among_other_lines_in_any_order_and_however_often(
    noise: list[bytes], random_source: random.Random
) -> None:
    lines = LINES + noise + random_source.choices(LINES, k=2)
    random_source.shuffle(lines)
    assert frame.read(log(lines)) == WHOLE


@given(size=st.integers(0, len(log(LINES)) - 2))
@settings(max_examples=60)
def test_a_log_that_was_cut_never_gives_a_wrong_result(size: int) -> None:
    match frame.read(log(LINES)[:size]):
        case Whole():
            pytest.fail("a cut log gave a whole result")
        case Partial(reason=reason):
            assert "missing" in reason
        case Absent():
            assert size < len("probe-result/1 0123456789abcdef 123456 1/9 ")


@given(at=st.integers(1, len(LINES) - 1))
def test_a_log_that_was_rotated_says_which_parts_are_missing(at: int) -> None:
    found = frame.read(log(LINES[at:]))
    assert isinstance(found, Partial)
    assert f"{at} of {len(LINES)} parts are missing" in found.reason


@given(place=st.integers(0, len(LINES[1]) - 1))
@settings(max_examples=60)
def test_a_changed_byte_never_goes_unnoticed(place: int) -> None:
    line = bytearray(LINES[1])
    line[place] = ord("x") if line[place] != ord("x") else ord("y")
    assert not isinstance(frame.read(log([LINES[0], bytes(line), *LINES[2:]])), Whole)


@given(st.binary(max_size=400))
def test_a_log_without_a_frame_has_none(noise: bytes) -> None:
    assert frame.read(noise) == Absent()


@pytest.mark.parametrize(
    "line",
    [
        b"probe-result/1 0123456789abcdef 5 1/999999 hello",
        b"probe-result/1 0123456789abcdef 999999999 1/125000 hello",
        b"probe-result/1 0123456789abcdef 5 2/1 hello",
        b"probe-result/1 0123456789abcdef 5 0/1 hello",
    ],
)
def test_a_header_that_contradicts_itself_is_no_frame(line: bytes) -> None:
    assert frame.read(log([line])) == Absent()


def test_a_frame_whose_text_is_no_result_says_so() -> None:
    text = b'{"probe":1}'
    line = f"probe-result/1 {frame._digest(text)} {len(text)} 1/1 {text.decode()}".encode()
    found = frame.read(line)
    assert isinstance(found, Partial)
    assert "another release" in found.reason


def test_time_stamps_in_front_of_lines_do_not_matter() -> None:
    assert frame.read(log([b"2026-01-01T00:00:00.123456789Z " + line for line in LINES])) == WHOLE


def test_carriage_returns_at_the_ends_of_lines_do_not_matter() -> None:
    assert frame.read(b"\r\n".join(LINES)) == WHOLE


def without_histograms(whole: ProbeResult) -> dict[str, Any]:
    return {metric.name: metric.summary for metric in whole.metrics}


def test_the_short_form_keeps_every_summary_where_there_is_room() -> None:
    line = frame.write_short(RESULT)
    assert len(line) <= 4096
    short = frame.read_short(line)
    assert short is not None
    assert without_histograms(short) == without_histograms(RESULT)
    assert all(metric.histogram is None for metric in short.metrics)


@given(metrics=st.integers(0, 40), seed=st.integers(0, 99), reason=st.none() | st.text(max_size=3000))
@settings(max_examples=15, deadline=None)
def test_the_short_form_always_fits_and_comes_back(metrics: int, seed: int, reason: str | None) -> None:
    whole = result(metrics=metrics, samples=20, seed=seed, reason=reason)
    line = frame.write_short(whole)
    assert len(line.encode()) <= frame.SHORT_BYTES
    short = frame.read_short(line)
    assert short is not None
    assert (short.probe, short.status) == (whole.probe, whole.status)
    assert without_histograms(short).items() <= without_histograms(whole).items()


@given(st.integers(0, len(frame.write_short(RESULT)) - 1))
def test_a_short_form_that_was_cut_is_none(size: int) -> None:
    assert frame.read_short(frame.write_short(RESULT)[:size]) is None


@pytest.mark.parametrize("text", ["", "OOMKilled", "probe-short/1", "probe-short/1 %%%", "probe-short/1 eJwDAAAAAAE="])
def test_another_termination_message_is_no_short_form(text: str) -> None:
    assert frame.read_short(text) is None


def test_what_was_reached_is_read_back_and_nothing_else() -> None:
    assert frame.read_reached(frame.write_reached("name", 17).encode()) == ("name", 17)
    for line in (b"", b"probe-reached/1 name", b"probe-reached/1 name x", b"other name 1", frame.REACHING.encode()):
        assert frame.read_reached(line) is None
