"""A metric as a card: its value, its picture, every doubt about it, and the numbers behind the picture."""

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from agent.page import view
from agent.page.canvas import Canvas
from agent.page.plots import draw_values, is_distribution
from agent.page.subject import Doubt, Sample
from agent.page.text import VERDICTS, between, fact, named, sentence
from agent.page.theme import placeholders
from agent.words import plural
from probes.measure.comparison import MetricComparison, Side, Verdict
from probes.measure.result import Facts
from probes.measure.stability import MEANINGS, FlagCode
from probes.measure.units import format_quantity

_ROLES = {Verdict.SAME: "muted", Verdict.INCONCLUSIVE: "muted"}
# Beyond, a list of values is for a program: the result's file has them all.
_MOST_VALUES = 100


def card_of(samples: Mapping[Side, Sample], compared: MetricComparison | None, identity: str) -> view.Card:
    """Return the card of one metric, which the candidate has."""
    candidate = samples[Side.CANDIDATE]
    metric = candidate.metric
    canvas = draw_values(samples, placeholders())
    value, detail = _value(samples, compared)
    doubts = (doubt for sample in samples.values() for doubt in sample.doubts)
    return view.Card(
        title=metric.title,
        value=value,
        detail=detail,
        mark=mark_of(compared.verdict) if compared else None,
        remarks=[compared.reason] if compared else [],
        drawing=inline(canvas, identity, metric.title, _description(samples)) if canvas else None,
        doubts=doubts_view(doubts, sided=len(samples) > 1),
        tables=[_numbers(samples), facts_table("Conditions", metric.conditions)],
    )


def inline(canvas: Canvas, identity: str, title: str, description: str) -> Markup:
    """Return a drawing for the page; the canvas has escaped all text in it."""
    return Markup(canvas.to_inline_svg(identity, title, description))  # noqa: S704  see above


def mark_of(verdict: Verdict) -> view.Mark:
    """Return how a verdict is shown."""
    return view.Mark(sign=VERDICTS[verdict], word=verdict.value, role=_ROLES.get(verdict, verdict.value))


def doubts_view(doubts: Iterable[Doubt], *, sided: bool) -> Sequence[view.Doubt]:
    """Put flags into words, each code once; `sided` where a reader could ask which side one touches."""
    by_code: dict[FlagCode, list[Doubt]] = {}
    for doubt in doubts:
        by_code.setdefault(doubt.code, []).append(doubt)
    return [
        view.Doubt(
            meaning=sentence(MEANINGS[code].partition(":")[0]),  # what follows from it, the reasons say too
            where=", ".join(filter(None, (_where(doubt, sided=sided) for doubt in same))),
            reasons=list(dict.fromkeys(doubt.reason for doubt in same)),
        )
        for code, same in by_code.items()
    ]


def facts_table(caption: str, facts: Facts) -> view.Table:
    """Return facts as a table of two columns."""
    rows = [(named(key), fact(key, value)) for key, value in facts.items()]
    return view.Table(caption=caption, head=("what", "value"), rows=rows)


def _where(doubt: Doubt, *, sided: bool) -> str:
    runs = plural(doubt.runs, "run") if doubt.runs > 1 else ""
    return " ".join(filter(None, (doubt.side.value if sided else "", f"({runs})" if sided and runs else runs)))


def _value(samples: Mapping[Side, Sample], compared: MetricComparison | None) -> tuple[str, str]:
    """Return the headline and what it is. A comparison is of the runs' (or rounds') medians, not of all samples'."""
    summary, unit = samples[Side.CANDIDATE].summary, samples[Side.CANDIDATE].metric.unit
    if compared is None:
        return format_quantity(summary.median, unit), between(summary.interval, unit)
    medians = (format_quantity(group.median, unit) for group in (compared.baseline, compared.candidate))
    return " → ".join(medians), f"medians of {compared.replication.value}, baseline → candidate"


def _description(samples: Mapping[Side, Sample]) -> str:
    """Say in words what the drawing shows."""
    what = "Distribution on a logarithmic axis" if is_distribution(samples) else "Single values on an axis from zero"
    said = []
    for side, sample in samples.items():
        unit = sample.metric.unit
        tail = sample.summary.percentiles.get("p99")
        median = f"median {format_quantity(sample.summary.median, unit)}, {between(sample.summary.interval, unit)}"
        said.append(
            (f"{side.value}: " if len(samples) > 1 else "")
            + median
            + (f"; 99th percentile {format_quantity(tail.value, unit)}" if tail else "")
        )
    return f"{what}. {'. '.join(said)}."


def _numbers(samples: Mapping[Side, Sample]) -> view.Table:
    columns = [_column(sample) for sample in samples.values()]
    names = list(dict.fromkeys(name for column in columns for name in column))
    head = ("", *(side.value for side in samples)) if len(samples) > 1 else ("", "value")
    rows = [(name, *(column.get(name, "") for column in columns)) for name in names]
    return view.Table(caption="Numbers", head=head, rows=rows)


def _column(sample: Sample) -> Mapping[str, str]:
    """Return everything that is known, by name."""
    summary, unit = sample.summary, sample.metric.unit
    values = [format_quantity(value, unit) for value in sample.values]
    return {
        "median": format_quantity(summary.median, unit),
        "interval of the median": between(summary.interval, unit),
        **{
            name: f"{format_quantity(each.value, unit)} ({between(each.interval, unit)})"
            for name, each in summary.percentiles.items()
            if name != "p50"
        },
        "least": format_quantity(summary.minimum, unit),
        "greatest": format_quantity(summary.maximum, unit),
        "mean": format_quantity(summary.mean, unit),
        "samples": f"{summary.count:d}",
        "runs" if sample.runs > 1 else "rounds": _listed(values),
    }


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
    return ", ".join(values[:_MOST_VALUES]) + more
