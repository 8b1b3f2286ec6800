"""What a suspicion has to pass before it is said. Pure."""

from datetime import date

from corrective_drift.recommendations.finding import Confidence
from corrective_drift.recommendations.trial import Trial

LEAST_DAYS = 8
"""Below, not even days that all agree pass the sign test beside a dozen others: 2⁻⁷ is more than 0.05/12."""
LEAST_EFFECT = 0.33
"""Of medium size by the convention of Romano et al. (2006) for Cliff's δ."""
FALSE_DISCOVERY_RATE = 0.05
"""The share of what is said to a cluster that chance may have said (Benjamini & Hochberg 1995)."""
MOST_AGE_DAYS = 14
"""Advice is about the cluster of today: where the last report is older, there is none."""

# Twice the least days, of which all but one or two agree.
_HIGH_DAYS, _HIGH_P_VALUE = 16, 0.001


def too_few(trial: Trial) -> str | None:
    """Return what is missing for a test, or None."""
    if trial.days < LEAST_DAYS:
        return f"{trial.days} of the {LEAST_DAYS} days that it takes"
    return None


def too_old(last_day: date, today: date) -> int | None:
    """Return the age in days of what was last reported on a day and is too old for advice, or None."""
    age_days = (today - last_day).days
    return age_days if age_days > MOST_AGE_DAYS else None


def confidence(trial: Trial | None, adjusted_p_value: float) -> Confidence:
    """Return how sure something that has passed is."""
    if trial is None:
        return Confidence.CERTAIN
    sure = trial.days >= _HIGH_DAYS and adjusted_p_value <= _HIGH_P_VALUE
    return Confidence.HIGH if sure else Confidence.MEDIUM
