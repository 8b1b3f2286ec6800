"""The whole page: results in, one self-contained HTML text out."""

from collections import Counter
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agent.page import view
from agent.page.canvas import style
from agent.page.sections import comparison_view, environment_view, probe_view, trends_view
from agent.page.subject import Subject, metrics_of, subject_of
from agent.page.text import VERDICTS, clean, moment
from agent.page.theme import DARK, LIGHT, declarations
from agent.words import plural
from probes.measure.comparison import Comparison, Verdict
from probes.measure.result import RunResult, Status
from probes.measure.units import format_seconds


def render(runs: Sequence[RunResult], baseline: Sequence[RunResult] = ()) -> str:
    """Return the page about `runs`, arranged as `subject_of` says. Raises ValueError as it does."""
    subject = subject_of(runs, baseline)
    with style():
        page = _page(subject)
    # Our own constants, which escaping would break.
    colors = {"light": Markup(declarations(LIGHT)), "dark": Markup(declarations(DARK))}  # noqa: S704
    return _environment().get_template("page.html.j2").render(page=page, colors=colors)


def _page(subject: Subject) -> view.Page:
    trends = trends_view(subject.runs)
    return view.Page(
        title=f"Probe report, {moment(subject.newest.started_at)}",
        headline=_headline(subject, trends),
        facts=_facts(subject),
        lead=_lead(subject),
        comparison=comparison_view(subject, subject.comparison) if subject.comparison else None,
        trends=trends,
        probes=[probe_view(subject, each, f"probe-{n}") for n, each in enumerate(subject.newest.results)],
        environment=environment_view(subject.newest),
    )


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("agent.page"),
        autoescape=True,
        undefined=StrictUndefined,
        # A percent sign never begins a line.
        finalize=lambda value: value if isinstance(value, Markup) else clean(str(value)).replace(" %", "\N{NBSP}%"),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _headline(subject: Subject, trends: view.Trends | None) -> str:
    if subject.comparison:
        return _compared(subject.comparison)
    if trends and trends.changed:
        return _changed(trends, len(subject.runs))
    results = subject.newest.results
    measured = sum(result.status is Status.MEASURED for result in results)
    metrics = sum(len(result.metrics) for result in results)
    probes = plural(measured, "probe") if measured == len(results) else f"{measured} of {len(results)} probes"
    return f"{probes} measured {plural(metrics, 'metric')}"


def _compared(comparison: Comparison) -> str:
    counted = Counter(metric.verdict for metric in comparison.metrics)
    if not comparison.metrics:
        return "Nothing could be compared"
    if worse := counted[Verdict.WORSE]:
        return f"{plural(worse, 'metric')} of {len(comparison.metrics)} {'is' if worse == 1 else 'are'} worse"
    if better := counted[Verdict.BETTER]:
        return f"Nothing is shown to be worse, {plural(better, 'metric')} better"
    if counted[Verdict.INCONCLUSIVE] == len(comparison.metrics):
        return "No difference can be told yet"
    return "Nothing is shown to be better or worse"


def _changed(trends: view.Trends, runs: int) -> str:
    words = Counter(card.mark.word for card in trends.changed if card.mark)
    said = ", ".join(f"{words[verdict]} {verdict.value}" for verdict in VERDICTS if words[verdict])
    return f"{plural(len(trends.changed), 'metric')} changed over {runs} runs: {said}"


def _facts(subject: Subject) -> Sequence[view.Row]:
    run = subject.newest
    facts = [
        ("began", moment(run.started_at)),
        ("took", format_seconds(run.duration_seconds)),
        ("profile", run.profile),
        ("where", run.target),
        ("software", run.version),
        ("run", str(run.run_id)[:8]),
    ]
    return [("runs", str(len(subject.runs))), *facts] if len(subject.runs) > 1 else facts


def _lead(subject: Subject) -> Sequence[str]:
    lines = []
    flagged = [bool(metric.flags or result.flags) for result, metric in metrics_of(subject.newest)]
    if flagged:
        sound = flagged.count(False)
        lines.append(
            "No metric carries a doubt." if sound == len(flagged)
            else "Every metric carries a doubt, of its own or of its whole probe: read it before you rely on a number."
            if not sound
            else f"{sound} of {plural(len(flagged), 'metric')} carry no doubt; the others say theirs beside the number."
        )  # fmt: skip
    missing = [result.probe for result in subject.newest.results if result.status is Status.UNAVAILABLE]
    if missing:
        lines.append(f"Could not measure: {', '.join(missing)}. The reasons are below.")
    return lines
