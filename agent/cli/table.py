"""A run as a table that a person reads: value, interval, tail, and every doubt in words."""

import string
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent.cli.layout import Column, ProbeTable, console_for_tables, print_remarks, remark
from probes.measure.result import Metric, ProbeResult, RunResult, Status
from probes.measure.stability import MEANINGS, FlagCode
from probes.measure.summary import Interval, IntervalMethod
from probes.measure.units import Unit, format_quantity

_COLUMNS = (
    Column(heading="median", least=11),
    Column(heading="95 % interval", least=25),
    Column(heading="p99", least=9),
    Column(heading="notes", least=9, words=True),
)
# Conditions by which a cluster's metrics stand below one another: each place has metrics of its own.
_PLACE = ("path", "volume", "storage_class")


def print_run(result: RunResult) -> None:
    """Print a table for each probe on stdout, its doubts below it, and at the end what the notes' letters mean."""
    console = console_for_tables()
    letters = _letters(result)
    for each in result.results:
        console.print(_table(each, letters, console.width))
        print_remarks(console, _doubts(each))
    console.print()
    console.print(Padding(_legend(result, letters), (0, 0, 0, 1)))


def _letters(result: RunResult) -> dict[FlagCode, str]:
    """A letter for each code that any metric carries: with its name in every row, the table would be all notes."""
    noted = {flag.code for each in result.results for metric in each.metrics for flag in metric.flags}
    return dict(zip((code for code in FlagCode if code in noted), string.ascii_lowercase, strict=False))


def _legend(result: RunResult, letters: Mapping[FlagCode, str]) -> Table:
    """Return what the marks in the tables mean; a long meaning stays to the right of its mark."""
    legend = Table.grid(padding=(0, 2))
    for code, letter in letters.items():
        legend.add_row(Text(letter, style="yellow"), f"{code.value}: {MEANINGS[code]}")
    if any(_over_samples(metric) for each in result.results for metric in each.metrics):
        legend.add_row("~", "an interval over the samples of too few rounds, as if independent: rather too narrow")
    return legend


def _table(result: ProbeResult, letters: Mapping[FlagCode, str], width: int) -> ProbeTable:
    table = ProbeTable(result.probe, _COLUMNS, width)
    for place, metrics in _by_place(result.metrics).items():
        if place:
            table.add_group(place)
        for metric in metrics:
            title = metric.title.removesuffix(f", {place}")
            table.add_row(title, *_values(metric, letters), indentation=3 if place else 1)
    return table


def _by_place(metrics: Iterable[Metric]) -> Mapping[str, Sequence[Metric]]:
    """Group what was measured in several places, whose titles end in the place; the others have none."""
    groups: dict[str, list[Metric]] = defaultdict(list)
    for metric in metrics:
        place = ", ".join(str(metric.conditions[key]) for key in _PLACE if key in metric.conditions)
        groups[place if metric.title.endswith(f", {place}") else ""].append(metric)
    return groups


def _values(metric: Metric, letters: Mapping[FlagCode, str]) -> tuple[str | Text, ...]:
    tail = metric.summary.percentiles.get("p99")
    return (
        Text(format_quantity(metric.summary.median, metric.unit), style="bold"),
        _interval(metric.summary.interval, metric.unit),
        format_quantity(tail.value, metric.unit) if tail else "",
        Text(" ".join(sorted({letters[flag.code] for flag in metric.flags})), style="yellow"),
    )


def _interval(interval: Interval | None, unit: Unit) -> str:
    if interval is None:
        return "none"
    within = "~" if interval.method is IntervalMethod.SAMPLES else ""
    return f"{within}{format_quantity(interval.low, unit)} … {format_quantity(interval.high, unit)}"


def _over_samples(metric: Metric) -> bool:
    interval = metric.summary.interval
    return interval is not None and interval.method is IntervalMethod.SAMPLES


def _doubts(result: ProbeResult) -> Iterable[Text]:
    if result.status is Status.UNAVAILABLE:
        yield remark("unavailable", str(result.reason))
    for flag in result.flags:
        yield remark(flag.code.value, flag.reason)
