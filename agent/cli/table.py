"""A run as a table that a person reads: value, interval, tail, and every doubt in words."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from probes.measure.result import Metric, ProbeResult, RunResult, Status
from probes.measure.stability import Flag
from probes.measure.summary import Interval, IntervalMethod
from probes.measure.units import Unit, format_quantity

# Where nobody's terminal tells its width (a pipe, a file), lines may be this long.
_WIDTH_ELSEWHERE = 120


def print_run(result: RunResult) -> None:
    """Print the table of all probes on stdout, and below it what its notes mean."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_ELSEWHERE)
    notes = _Notes()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("median", "95 % interval", "p99"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("notes")
    for each in result.results:
        _add_probe(table, each, notes)
    console.print(table)
    for line in notes.lines():
        console.print(line)


class _Notes:
    """Numbers the reasons as they come; one reason, however often given, has one number."""

    def __init__(self) -> None:
        self._numbers: dict[Flag, int] = {}

    def refer(self, flags: tuple[Flag, ...]) -> str:
        return ", ".join(
            f"{flag.code.value} [{self._numbers.setdefault(flag, len(self._numbers) + 1)}]" for flag in flags
        )

    def lines(self) -> list[Text]:
        return [Text(f"[{number}] {flag.code.value}: {flag.reason}") for flag, number in self._numbers.items()]


def _add_probe(table: Table, result: ProbeResult, notes: _Notes) -> None:
    table.add_row(Text(result.probe, style="bold"), "", "", "", Text(notes.refer(result.flags), style="yellow"))
    if result.status is Status.UNAVAILABLE:
        table.add_row(Text("  unavailable", style="yellow"), "", "", "", Text(result.reason or ""))
    for metric in result.metrics:
        _add_metric(table, metric, notes)
    table.add_section()


def _add_metric(table: Table, metric: Metric, notes: _Notes) -> None:
    summary = metric.summary
    tail = summary.percentiles.get("p99")
    table.add_row(
        f"  {metric.title}",
        Text(format_quantity(summary.median, metric.unit), style="bold"),
        _interval(summary.interval, metric.unit),
        format_quantity(tail.value, metric.unit) if tail else "",
        Text(notes.refer(metric.flags), style="yellow"),
    )


def _interval(interval: Interval | None, unit: Unit) -> str:
    if interval is None:
        return "none"
    within = "" if interval.method is IntervalMethod.ROUNDS else " (within)"
    return f"{format_quantity(interval.low, unit)} … {format_quantity(interval.high, unit)}{within}"
