"""A comparison as a table that a person reads, and below it everything that was not compared and why."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from agent.cli.layout import Column, ProbeTable, print_tables, remark
from probes.measure.comparison import MOST_RUNS_TOLD, Caveat, Comparison, Difference, MetricComparison, Verdict
from probes.measure.units import format_quantity

_STYLES = {
    Verdict.BETTER: "green",
    Verdict.WORSE: "bold red",
    Verdict.CHANGED: "yellow",
    Verdict.SAME: "",
    Verdict.INCONCLUSIVE: "dim",
}
_COLUMNS = (
    Column(heading="baseline", least=11),
    Column(heading="candidate", least=11),
    Column(heading="change", least=7),
    Column(heading="95 % interval", least=17),
    Column(heading="verdict", least=12, words=True),
)


def print_comparison(comparison: Comparison) -> None:
    """Print each probe's metrics with their verdicts on stdout, then what a reader must know about them."""
    print_tables(comparison.metrics, _table, _remarks(comparison))


def _table(probe: str, metrics: Sequence[MetricComparison], width: int) -> ProbeTable:
    table = ProbeTable(probe, _COLUMNS, width)
    for metric in metrics:
        table.add_row(metric.title, *_values(metric))
    return table


def _values(metric: MetricComparison) -> tuple[str | Text, ...]:
    interval = metric.ratio.interval if metric.ratio else None
    return (
        format_quantity(metric.baseline.median, metric.unit),
        format_quantity(metric.candidate.median, metric.unit),
        _change(metric.ratio.value) if metric.ratio else "",
        f"{_change(interval.low)} … {_change(interval.high)}" if interval else "",
        Text(metric.verdict.value, style=_STYLES[metric.verdict]),
    )


def _change(ratio: float) -> str:
    """Beyond a doubling, tenths of a percent tell nothing."""
    return f"{ratio - 1:+.1%}" if ratio < 2 else f"{ratio - 1:+.0%}"


def _remarks(comparison: Comparison) -> Iterable[Text]:
    yield from _about_runs(comparison)
    for metric in comparison.metrics:
        if metric.verdict in {Verdict.WORSE, Verdict.BETTER, Verdict.CHANGED}:
            yield remark(metric.verdict.value, f"{metric.probe}, {metric.title}: {metric.reason}")
    doubted = {doubt.flag.code.value for metric in comparison.metrics for doubt in metric.doubts}
    if doubted:
        yield remark("doubts", f"some of these values carry flags ({', '.join(sorted(doubted))}): see each result")
    for difference in comparison.incomparable:
        yield remark("not compared", f"{_place(difference)}: {difference.field} is {_sides(difference)}")
    for absence in comparison.absences:
        what = absence.probe if absence.metric is None else f"{absence.probe}, {absence.metric}"
        yield remark("missing", f"{what} in {absence.runs} runs of the {absence.side.value}: {absence.reason}")
    for difference in comparison.notes:
        yield remark("differs", f"{difference.field}: {_sides(difference)}")


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
    if fewest > MOST_RUNS_TOLD:
        return f"more than {MOST_RUNS_TOLD}"
    if fewest == most:
        return str(fewest)
    return f"{fewest} to {most}" if most <= MOST_RUNS_TOLD else f"{fewest} to {MOST_RUNS_TOLD}+"


def _place(difference: Difference) -> str:
    return ", ".join(part for part in (difference.probe, difference.metric) if part) or "all probes"


def _sides(difference: Difference) -> str:
    sides = (difference.baseline, difference.candidate)
    return " against ".join(" or ".join("absent" if value is None else str(value) for value in side) for side in sides)
