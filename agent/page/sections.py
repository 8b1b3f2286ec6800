"""The sections of the page: each probe, the comparison, the trends, the environment."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from agent.page import forest, trend, view
from agent.page.cards import card_of, doubts_view, facts_table, inline, mark_of
from agent.page.plots import is_distribution
from agent.page.series import Series, judged, series_of
from agent.page.subject import Subject, doubts_about, samples_of
from agent.page.text import CAVEATS, VERDICTS, fact, moment, named, sentence
from agent.page.theme import placeholders
from agent.words import plural
from probes.catalogue import CATALOGUE
from probes.measure.comparison import Caveat, Comparison, Difference, MetricComparison, Side, Verdict
from probes.measure.result import Metric, ProbeResult, RunResult, Status
from probes.measure.units import format_quantity, format_seconds

# In the overview, of each probe: enough to recognize a machine, few enough for a phone.
_MOST_HEADLINES = 3
_HOW_CHANGES_LOOK = "A colored line marks where a level changed, the band around it where else that may have been."


def probe_view(subject: Subject, result: ProbeResult, anchor: str) -> view.Probe:
    """Show a probe of the newest run; with several runs, its metrics over all of them."""
    compared = {
        metric.name: metric
        for metric in (subject.comparison.metrics if subject.comparison else ())
        if metric.probe == result.probe
    }
    distributions: list[view.Card] = []
    values: list[view.Card] = []
    for number, metric in enumerate(result.metrics):
        samples = samples_of(subject, result.probe, metric.name)
        card = card_of(samples, compared.get(metric.name), f"{anchor}-{number}")
        (distributions if is_distribution(samples) else values).append(card)
    entry = CATALOGUE.get(result.probe)
    return view.Probe(
        anchor=anchor,
        name=result.probe,
        purpose=sentence(entry.title) if entry else "",
        unavailable=(result.reason or "no reason was given") if result.status is Status.UNAVAILABLE else None,
        state=_state(result),
        headlines=[(m.title, format_quantity(m.summary.median, m.unit)) for m in _headlines(result.metrics)],
        doubts=_probe_doubts(subject, result.probe),
        distributions=distributions,
        values=values,
        tables=_probe_tables(result),
    )


def comparison_view(subject: Subject, comparison: Comparison) -> view.Comparison:
    """Show verdicts, the most important first."""
    order = list(VERDICTS)
    metrics = sorted(comparison.metrics, key=lambda metric: order.index(metric.verdict))
    counted = Counter(metric.verdict for metric in metrics)
    common = frozenset.intersection(*(frozenset(metric.caveats) for metric in metrics)) if metrics else frozenset()
    lines = [(metric.verdict, _verdict(metric, common)) for metric in metrics]
    title = "Ratio of candidate to baseline for each metric"
    canvas = forest.draw(comparison, placeholders()) if forest.drawable(comparison) else None
    said = "; ".join(
        f"{metric.title}: {metric.verdict.value}, {metric.reason}" for metric in forest.drawable(comparison)
    )
    return view.Comparison(
        summary=" ".join((_sides(subject, comparison), *(f"{sentence(CAVEATS[each])}." for each in sorted(common)))),
        counts=[(mark_of(verdict), counted[verdict]) for verdict in order],
        drawing=inline(canvas, "forest", title, said) if canvas else None,
        verdicts=[line for verdict, line in lines if verdict is not Verdict.INCONCLUSIVE],
        unknown=[line for verdict, line in lines if verdict is Verdict.INCONCLUSIVE],
        table=_comparison_table(comparison),
        left_out=list(_left_out(comparison)),
        differences=_differences_table(comparison.notes),
    )


def trends_view(runs: Sequence[RunResult]) -> view.Trends | None:
    """Show each metric over the runs, those that changed first; None with too few runs."""
    series = series_of(runs)
    if not series:
        return None
    cards = [(each, _trend_card(each, f"trend-{number}")) for number, each in enumerate(series)]
    abstained = next((each.abstained for each in series if each.abstained), None)
    return view.Trends(
        summary=f"No change of level can be told from chance yet ({abstained})." if abstained else _HOW_CHANGES_LOOK,
        changed=[card for each, card in cards if each.changes],
        steady=[card for each, card in cards if not each.changes],
    )


def environment_view(run: RunResult) -> view.Table:
    """Show the machine of a run."""
    return facts_table("Environment", {**run.environment, "target": run.target, "profile": run.profile})


def _headlines(metrics: Sequence[Metric]) -> Sequence[Metric]:
    """The first metric of each unit: a latency, a rate, a throughput."""
    first: dict[str, Metric] = {}
    for metric in metrics:
        first.setdefault(metric.unit, metric)
    return list(first.values())[:_MOST_HEADLINES]


def _state(result: ProbeResult) -> str:
    if result.status is Status.UNAVAILABLE:
        return "unavailable"
    doubtful = sum(bool(metric.flags) for metric in result.metrics)
    doubts = f"{doubtful} with doubts" if doubtful else "no doubts"
    return f"{plural(len(result.metrics), 'metric')}, {doubts}"


def _probe_doubts(subject: Subject, probe: str) -> Sequence[view.Doubt]:
    sides = {Side.BASELINE: subject.baseline, Side.CANDIDATE: subject.candidate}
    flags = {
        side: [result.flags for run in runs for result in run.results if result.probe == probe]
        for side, runs in sides.items()
    }
    doubts = (doubt for side, flagged in flags.items() for doubt in doubts_about(side, flagged))
    return doubts_view(doubts, sided=bool(subject.baseline))


def _probe_tables(result: ProbeResult) -> Sequence[view.Table]:
    tables = [facts_table("What was asked for", result.spec), facts_table("What was found", result.facts)]
    cost: dict[str, str] = {"took": format_seconds(result.duration_seconds)}
    if result.usage:
        cost["CPU time of the probe"] = format_seconds(result.usage.cpu_seconds)
        cost["peak memory of the probe"] = fact("peak_memory_bytes", result.usage.peak_memory_bytes)
    tools = {f"version of {name}": version for name, version in result.tools.items()}
    tables.append(view.Table(caption="Tools and cost", head=("what", "value"), rows=list((tools | cost).items())))
    return [table for table in tables if table.rows]


def _sides(subject: Subject, comparison: Comparison) -> str:
    def told(runs: Sequence[RunResult]) -> str:
        first, last = moment(runs[0].started_at), moment(runs[-1].started_at)
        return f"one run, {last}" if len(runs) == 1 else f"{plural(len(runs), 'run')}, {first} to {last}"

    return (
        f"Candidate: {told(subject.candidate)}. Baseline: {told(subject.baseline)}. "
        f"A change of up to {comparison.margin:.0%} counts as none; runs, not samples, are the unit of evidence."
    )


def _verdict(metric: MetricComparison, common: Collection[Caveat]) -> view.Verdict:
    """Show a metric's; what holds for all of them is said once, above."""
    return view.Verdict(
        mark=mark_of(metric.verdict),
        title=f"{metric.probe}: {metric.title}",
        reason=metric.reason,
        caveats=[CAVEATS[caveat] for caveat in metric.caveats if caveat not in common],
    )


def _comparison_table(comparison: Comparison) -> view.Table:
    rows = []
    for metric in comparison.metrics:
        ratio = metric.ratio
        within = ratio.interval if ratio else None
        tails = [f"{tail.percentile} ×{tail.ratio:.3g}" for tail in metric.tails]
        rows.append((
            f"{metric.probe}: {metric.title}",
            format_quantity(metric.baseline.median, metric.unit),
            format_quantity(metric.candidate.median, metric.unit),
            f"×{ratio.value:.3g}" if ratio else "none",
            f"{within.low:.3g} to {within.high:.3g}" if within else "none",
            ", ".join(tails) or "none",
            metric.verdict.value,
        ))  # fmt: skip
    interval = f"{comparison.confidence * 100:.0f} % interval"
    head = ("metric", "baseline", "candidate", "ratio", interval, "tails", "verdict")
    return view.Table(caption="Numbers", head=head, rows=rows)


def _left_out(comparison: Comparison) -> Iterable[str]:
    for difference in comparison.incomparable:
        baseline, candidate = _values(difference)
        yield f"{_place(difference)}: not comparable, {difference.field} is {baseline} against {candidate}"
    for absence in comparison.absences:
        place = absence.probe if absence.metric is None else f"{absence.probe}, {absence.metric}"
        yield f"{place}: {plural(absence.runs, 'run')} of the {absence.side.value} without it: {absence.reason}"


def _differences_table(notes: Sequence[Difference]) -> view.Table | None:
    rows = [(f"{_place(note)}, {named(note.field.rpartition('.')[2])}", *_values(note)) for note in notes]
    return view.Table(caption="What else differs", head=("what", "baseline", "candidate"), rows=rows) if rows else None


def _place(difference: Difference) -> str:
    return ", ".join(part for part in (difference.probe or "whole run", difference.metric) if part)


def _values(difference: Difference) -> tuple[str, str]:
    key = difference.field.rpartition(".")[2]
    before, after = (
        " or ".join(fact(key, value) for value in side) for side in (difference.baseline, difference.candidate)
    )
    return before, after


def _trend_card(series: Series, identity: str) -> view.Card:
    metric, unit = series.newest, series.newest.unit
    medians = [each.summary.median for each in series.metrics]
    told = [
        f"{judged(change, metric.better).value} from {moment(series.runs[change.index].started_at)} on: "
        f"{format_quantity(change.before, unit)} → {format_quantity(change.after, unit)}, p = {change.p_value:.2g}"
        for change in series.changes
    ]
    canvas = trend.draw(series, placeholders())
    description = f"{plural(len(medians), 'run')}. {'; '.join(told) or 'No change of level was found'}."
    rows = [
        (moment(run.started_at), str(run.run_id)[:8], format_quantity(median, unit))
        for run, median in zip(series.runs, medians, strict=True)
    ]
    return view.Card(
        title=f"{series.probe}: {metric.title}",
        value=format_quantity(medians[-1], unit),
        detail=f"in the newest of {plural(len(medians), 'run')}",
        mark=mark_of(judged(series.changes[-1], metric.better)) if series.changes else None,
        remarks=told,
        drawing=inline(canvas, identity, f"{metric.title} over the runs", description) if canvas else None,
        doubts=[],
        tables=[view.Table(caption="Runs", head=("began", "run", "median"), rows=rows)],
    )
