"""The table of a probe, drawn at the widths that terminals have."""

import re
import string
from io import StringIO

import pytest
from rich.console import Console

from agent.cli.table import _table
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, Metric, ProbeResult, Status
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit

LETTERS = dict(zip(FlagCode, string.ascii_letters, strict=False))


def metric(title: str, *, doubts: tuple[FlagCode, ...] = (), **conditions: str) -> Metric:
    described = Description(
        name="any", title=title, unit=Unit.BITS_PER_SECOND, better=Better.HIGHER, conditions=dict(conditions)
    )
    flags = tuple(Flag(code=code, reason="why") for code in doubts)
    return from_rates(described, [21.1e9, 22.2e9, 21.6e9] * 3).model_copy(update={"flags": flags})


def drawn(*metrics: Metric, width: int) -> list[str]:
    result = ProbeResult(probe="any", status=Status.MEASURED, spec={}, metrics=metrics, duration_seconds=1)
    console = Console(file=StringIO(), width=width)
    console.print(_table(result, LETTERS, width))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_nothing_is_cut_off_whatever_the_width(width: int) -> None:
    lines = drawn(metric("TCP receive, 8 streams, in a title of some length", doubts=tuple(FlagCode)), width=width)
    assert all(len(line) <= width for line in lines)
    text = " ".join(lines)
    assert re.search(r"21\.6 Gbit/s +21\.1 Gbit/s … 22\.2 Gbit/s", text)
    assert {*LETTERS.values()} <= set(text.split())
    assert "…" not in text.replace(" … ", "")


def test_what_was_measured_in_several_places_stands_place_by_place() -> None:
    lines = drawn(
        metric("loss, same node", path="same node"),
        metric("writes, claim, fast", volume="claim", storage_class="fast"),
        metric("jitter, same node", path="same node"),
        metric("elsewhere", path="other node"),
        width=120,
    )
    titles = [line[:44].rstrip() for line in lines if not line.startswith(("─", " any"))]
    assert [each for each in titles if each] == [
        " same node", "   loss", "   jitter", " claim, fast", "   writes", " elsewhere",
    ]  # fmt: skip
