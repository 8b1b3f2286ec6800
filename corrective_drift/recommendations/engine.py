"""All rules over one cluster, and what is said in the end. Pure.

Every rule's tests are made first; then the step-up rule of Benjamini & Hochberg decides over all of them together, so
that a cluster which is looked at in twenty ways doesn't get advice for having been looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from corrective_drift.recommendations import gates
from corrective_drift.recommendations.case import Candidate, Case, Rule
from corrective_drift.recommendations.evidence import Document, Evidence
from corrective_drift.recommendations.finding import Abstention, Advice, Finding
from corrective_drift.recommendations.prices import Prices
from corrective_drift.recommendations.rules import RULES
from probes.measure.baselines import Release
from probes.measure.significance import benjamini_hochberg


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    rule: Rule
    candidate: Candidate


def recommend(
    documents: Sequence[Document],
    release: Release,
    *,
    today: date,
    prices: Prices | None = None,
    rules: Sequence[Rule] = RULES,
) -> Advice:
    """Return the advice to a cluster out of its documents (standard or detailed, in any order)."""
    evidence = Evidence.of(documents, today)
    silence = _silence(evidence, today)
    if silence is not None:
        return _advice(evidence, release, today, reason=silence)
    case = Case(evidence, release, today, prices or Prices())
    judged: list[_Judged] = []
    abstained: list[Abstention] = []
    for rule in rules:
        for each in rule.judge(case):
            if isinstance(each, Abstention):
                abstained.append(each)
            elif each.trial is not None and (missing := gates.too_few(each.trial)) is not None:
                abstained.append(rule.abstains(missing, each.subject))
            elif (age_days := gates.too_old(each.observed.last_day, today)) is not None:
                abstained.append(rule.abstains(f"it was last reported {age_days} days ago", each.subject))
            else:
                judged.append(_Judged(rule=rule, candidate=each))
    tested = [each.candidate.trial.p_value for each in judged if each.candidate.trial is not None]
    found = _strongest(_passed(judged, tested))
    spoken = {each.rule for each in found} | {each.rule for each in abstained}
    return _advice(
        evidence,
        release,
        today,
        tested=len(tested),
        recommendations=found,
        abstained=tuple(abstained),
        clear=tuple(rule.name for rule in rules if rule.name not in spoken),
        reason=f"{len(found)} recommended" if found else _nothing(judged, abstained),
    )


def _silence(evidence: Evidence, today: date) -> str | None:
    if not evidence.days:
        return "there is no report of the last eight weeks"
    if (age_days := gates.too_old(evidence.days[-1], today)) is not None:
        return f"the last report is {age_days} days old: advice is about the cluster of today"
    return None


def _nothing(judged: Sequence[_Judged], abstained: Sequence[Abstention]) -> str:
    if not judged:
        return "no rule can judge yet"
    # Not all of these are tests of chance: a date that has passed is none.
    return f"{len(judged)} checks found nothing to recommend, and {len(abstained)} could not be made"


def _passed(judged: Sequence[_Judged], tested: Sequence[float]) -> list[tuple[Finding, int]]:
    adjusted = iter(benjamini_hochberg(tested) if tested else ())
    passed = []
    for each in judged:
        candidate, trial = each.candidate, each.candidate.trial
        p_value = 0.0 if trial is None else next(adjusted)
        strong = trial is None or (p_value <= gates.FALSE_DISCOVERY_RATE and abs(trial.effect) >= gates.LEAST_EFFECT)
        if candidate.suspected and strong:
            passed.append((_finding(each, p_value), 0 if trial is None else trial.beyond))
    return passed


def _strongest(passed: Sequence[tuple[Finding, int]]) -> tuple[Finding, ...]:
    """Keep one finding of a rule about one subject: that of the largest effect, then of the most days."""
    best: dict[tuple[str, str], tuple[Finding, int]] = {}
    for finding, beyond in passed:
        key = (finding.rule, finding.subject)
        if key not in best or (finding.effect, beyond) > (best[key][0].effect, best[key][1]):
            best[key] = (finding, beyond)
    return tuple(finding for finding, _ in best.values())


def _finding(judged: _Judged, adjusted_p_value: float) -> Finding:
    rule, candidate = judged.rule, judged.candidate
    return Finding(
        rule=rule.name,
        version=rule.version,
        title=rule.title,
        subject=candidate.subject,
        observed=candidate.observed,
        baseline=candidate.baseline,
        effect=1.0 if candidate.trial is None else candidate.trial.effect,
        p_value=0.0 if candidate.trial is None else candidate.trial.p_value,
        adjusted_p_value=adjusted_p_value,
        savings=candidate.savings,
        confidence=gates.confidence(candidate.trial, adjusted_p_value),
        action=candidate.action,
        risk=candidate.risk,
        undo=candidate.undo,
    )


def _advice(  # noqa: PLR0913 - the parts of one record, each by its name
    evidence: Evidence,
    release: Release,
    today: date,
    *,
    reason: str,
    tested: int = 0,
    recommendations: tuple[Finding, ...] = (),
    abstained: tuple[Abstention, ...] = (),
    clear: tuple[str, ...] = (),
) -> Advice:
    return Advice(
        day=today,
        first_day=evidence.days[0] if evidence.days else None,
        days=len(evidence.days),
        baseline_week=release.week,
        tested=tested,
        false_discovery_rate=gates.FALSE_DISCOVERY_RATE,
        recommendations=recommendations,
        abstained=abstained,
        clear=clear,
        reason=reason,
    )
