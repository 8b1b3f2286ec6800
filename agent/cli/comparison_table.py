"""A comparison as a table that a person reads, and below it everything that was not compared and why."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from agent.cli.layout import print_tables, probe_table, remark
from probes.measure.comparison import Caveat, Comparison, Difference, MetricComparison, Verdict
from probes.measure.units import format_quantity

_STYLES = {
    Verdict.BETTER: "green",
    Verdict.WORSE: "bold red",
    Verdict.CHANGED: "yellow",
    Verdict.SAME: "",
    Verdict.INCONCLUSIVE: "dim",
}
# What the columns of values and verdicts need beside the title.
_REST_WIDTH = 74
# Beyond this many, the exact number of runs that would help is of no help.
_MOST_TOLD = 100


def print_comparison(comparison: Comparison) -> None:
    """Print each probe's metrics with their verdicts on stdout, then what a reader must know about them."""
    print_tables(comparison.metrics, _table, _remarks(comparison))


def _table(probe: str, metrics: Sequence[MetricComparison], width: int) -> Table:
    table = probe_table(probe, width=width - _REST_WIDTH)
    for heading, least in (("baseline", 11), ("candidate", 11), ("change", 7), ("95 % interval", 17)):
        table.add_column(heading, justify="right", no_wrap=True, min_width=least)
    table.add_column("verdict", no_wrap=True, min_width=12)
    for metric in metrics:
        table.add_row(*_row(metric))
    return table


def _row(metric: MetricComparison) -> tuple[str | Text, ...]:
    interval = metric.ratio.interval if metric.ratio else None
    return (
        f" {metric.title}",
        format_quantity(metric.baseline.median, metric.unit),
        format_quantity(metric.candidate.median, metric.unit),
        f"{metric.ratio.value - 1:+.1%}" if metric.ratio else "",
        f"{interval.low - 1:+.1%} … {interval.high - 1:+.1%}" if interval else "",
        Text(metric.verdict.value, style=_STYLES[metric.verdict]),
    )


def _remarks(comparison: Comparison) -> Iterable[Text]:
    yield from _about_runs(comparison)
    for metric in comparison.metrics:
        if metric.verdict in {Verdict.WORSE, Verdict.BETTER, Verdict.CHANGED}:
            yield remark(metric.verdict.value, f"{metric.probe}, {metric.title}: {metric.reason}")
    doubted = {doubt.flag.code.value for metric in comparison.metrics for doubt in metric.doubts}
    if doubted:
        yield remark("doubts", f"some of these values carry flags ({', '.join(sorted(doubted))}): see each result")
    for difference in comparison.incomparable:
        yield remark("not compared", f"{_place(difference)}: {difference.field} is {_values(difference)}")
    for absence in comparison.absences:
        what = absence.probe if absence.metric is None else f"{absence.probe}, {absence.metric}"
        yield remark("missing", f"{what} in {absence.runs} runs of the {absence.side.value}: {absence.reason}")
    for difference in comparison.notes:
        yield remark("differs", f"{difference.field}: {_values(difference)}")


def _about_runs(comparison: Comparison) -> Iterable[Text]:
    caveats = {caveat for metric in comparison.metrics for caveat in metric.caveats}
    if Caveat.SINGLE_RUNS in caveats:
        yield remark(
            "single runs", "how much runs differ from one another is assumed, not measured: give five on each side"
        )
    elif Caveat.FEW_RUNS in caveats:
        yield remark("few runs", "too few on a side for a change to be certain")
    further = [metric.further_runs for metric in comparison.metrics if metric.further_runs is not None]
    if further:
        runs = _range(min(further), max(further))
        yield remark(
            "inconclusive",
            f"{len(further)} metrics; {runs} more runs on each side would show a change of {comparison.margin:.0%}",
        )


def _range(fewest: int, most: int) -> str:
    if fewest > _MOST_TOLD:
        return f"more than {_MOST_TOLD}"
    return str(fewest) if fewest == most else f"{fewest} to {min(most, _MOST_TOLD)}{'+' if most > _MOST_TOLD else ''}"


def _place(difference: Difference) -> str:
    return ", ".join(part for part in (difference.probe, difference.metric) if part) or "all probes"


def _values(difference: Difference) -> str:
    sides = (difference.baseline, difference.candidate)
    return " against ".join(" or ".join("absent" if value is None else str(value) for value in side) for side in sides)
