"""ISO weeks as they are written, such as 2026-W07. Pure."""

import re
from datetime import date, timedelta

_WEEK = re.compile(r"(20\d\d)-W(\d\d)")
# Agents send what they have within a day; what the network held up longer misses its week.
_GRACE = timedelta(days=2)


def week_of(day: date) -> str:
    """Return the week that a day is in."""
    iso = day.isocalendar()
    return f"{iso.year}-W{iso.week:02}"


def first_day(week: str) -> date:
    """Return the Monday of a week. Raises ValueError for what is none."""
    match = _WEEK.fullmatch(week)
    if match is None:
        raise ValueError("a week is written like 2026-W07")
    return date.fromisocalendar(int(match[1]), int(match[2]), 1)


def last_day(week: str) -> date:
    """Return the Sunday of a week. Raises ValueError for what is none."""
    return first_day(week) + timedelta(days=6)


def latest_due(today: date) -> str:
    """Return the latest week of which everything should have arrived."""
    return week_of(today - _GRACE - timedelta(days=7))
