"""Recommendations with all that they stand on: records in, words out. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corrective_drift.dashboard import names, view
from corrective_drift.recommendations.finding import Abstention, Advice, Confidence, Finding, Reference, Saving
from corrective_drift.recommendations.rules import RULES
from probes.measure.baselines import LADDER
from probes.measure.units import Unit, format_quantity

_TITLES = {rule.name: rule.title for rule in RULES}
_UNITS = {unit.value: unit for unit in Unit}
# A unit that says what a share is of.
_SHARE = "of "
_SAVED = {"unused": "unused", "realizable": "could be given back", "time": "time"}
_CONFIDENCE = {
    Confidence.CERTAIN: "certain, no chance involved",
    Confidence.HIGH: "high",
    Confidence.MEDIUM: "medium",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What could be gained."""

    of: str
    amount: str
    """The middle, and the range."""
    assumption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One finding in words."""

    title: str
    confidence: str
    mark: str
    """`certain`, `high` or `medium`."""
    action: str
    risk: str
    undo: str
    gains: Sequence[Gain]
    evidence: Sequence[view.Fact]
    numbers: Sequence[view.Fact]
    """How sure it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendations:
    """All that is advised, and what isn't."""

    summary: str
    basis: Sequence[view.Fact]
    advised: Sequence[Recommendation]
    abstained: view.Table | None
    clear: Sequence[str]


def recommendations(advice: Advice) -> Recommendations:
    """Return advice in words."""
    return Recommendations(
        summary=_summary(advice),
        basis=list(_basis(advice)),
        advised=[_recommendation(each) for each in advice.recommendations],
        abstained=_abstained(advice.abstained),
        clear=[_rule(rule) for rule in advice.clear],
    )


def _summary(advice: Advice) -> str:
    if not advice.recommendations:
        return _sentence(advice.reason)
    return f"{names.plural(len(advice.recommendations), 'recommendation')}, each with what it stands on."


def _basis(advice: Advice) -> Iterator[view.Fact]:
    since = "" if advice.first_day is None else f" since {advice.first_day.isoformat()}"
    yield "reports of", f"{names.plural(advice.days, 'day')}{since}"
    yield "baseline", "none yet" if advice.baseline_week is None else f"week {advice.baseline_week}"
    yield "tests", f"{advice.tested}, at most {advice.false_discovery_rate * 100:.0f} % of the findings by chance"


def _recommendation(found: Finding) -> Recommendation:
    about = f" ({_about(found.subject)})" if found.subject else ""
    return Recommendation(
        title=f"{names.sentence(found.title)}{about}",
        confidence=_CONFIDENCE[found.confidence],
        mark=found.confidence.value,
        action=_sentence(found.action),
        risk=_sentence(found.risk),
        undo=_sentence(found.undo),
        gains=[_gain(each) for each in found.savings],
        evidence=list(_evidence(found)),
        numbers=list(_numbers(found)),
    )


def _evidence(found: Finding) -> Iterator[view.Fact]:
    seen, reference = found.observed, found.baseline
    if found.confidence is Confidence.CERTAIN:
        yield "observed", names.in_words(seen.what)
    else:
        yield "observed", f"{names.in_words(seen.what)}: {_amount(seen.value, seen.unit)}"
        yield "95 % interval", _range(seen.low, seen.high, seen.unit)
    yield "seen on", f"{names.plural(seen.days, 'day')}, {seen.first_day.isoformat()} to {seen.last_day.isoformat()}"
    yield "held against", _reference(reference, seen.unit)
    if reference.percentiles:
        yield (
            "cohort's values",
            ", ".join(f"{name} {_amount(value, seen.unit)}" for name, value in reference.percentiles.items()),
        )


def _numbers(found: Finding) -> Iterator[view.Fact]:
    yield "effect", f"{found.effect:+.2f} (Cliff's δ, -1 to 1)"
    yield "p", f"{found.p_value:.2g}, adjusted for all tests {found.adjusted_p_value:.2g}"
    yield "rule", f"{found.rule}, version {found.version}"


def _reference(reference: Reference, unit: str) -> str:
    beyond = "" if reference.threshold is None else f", threshold {_amount(reference.threshold, unit)}"
    dated = "" if reference.dated is None else f", as of {reference.dated.isoformat()}"
    source = names.in_words(reference.source)
    if reference.rung is None:
        return f"{source}{beyond}{dated}"
    cohort = ", ".join(names.spoken(word) for word in reference.cohort.values()) or "all clusters"
    rung = f"cohort of rung {reference.rung} of {len(LADDER) - 1}: {cohort}, k = {reference.contributors} or more"
    return f"{source}{beyond}; {rung}, week {reference.week}"


def _gain(saving: Saving) -> Gain:
    if saving.money_low is None or saving.money_high is None:
        worth = saving.price_source
    else:
        money = f"{saving.money_low:,.0f} to {saving.money_high:,.0f} {saving.currency} a month"
        worth = f"{money}, by {saving.price_source}"
    return Gain(
        of=_SAVED.get(saving.of, saving.of),
        amount=f"{_amount(saving.mid, saving.unit)} ({_range(saving.low, saving.high, saving.unit)})",
        assumption=_sentence(f"{saving.assumption}; {worth}"),
    )


def _range(low: float, high: float | None, unit: str) -> str:
    if high is None:
        return f"{_amount(low, unit)} or more"
    if unit.startswith(_SHARE):
        return f"{low * 100:.3g} to {high * 100:.3g} % {unit}"
    return f"{_amount(low, unit)} to {_amount(high, unit)}" if unit in _UNITS else f"{low:.3g} to {high:.3g} {unit}"


def _amount(value: float, unit: str) -> str:
    if unit.startswith(_SHARE):
        return f"{format_quantity(value, Unit.RATIO)} {unit}"
    known = _UNITS.get(unit)
    return f"{value:.3g} {unit}".rstrip() if known is None else format_quantity(value, known)


def _sentence(text: str) -> str:
    return names.sentence(text).rstrip(".") + "."


def _abstained(abstentions: Sequence[Abstention]) -> view.Table | None:
    if not abstentions:
        return None
    rows = [(_rule(each.rule), _about(each.subject), names.in_words(each.reason)) for each in abstentions]
    return view.Table(caption="What could not be judged", head=("looked for", "about", "why"), rows=rows)


def _rule(name: str) -> str:
    return _TITLES.get(name, name)


def _about(subject: str) -> str:
    """Return a resource, or where something was measured; a storage class's digest stays."""
    return " ".join(map(names.place_title, subject.split()))
