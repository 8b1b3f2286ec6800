"""Words and numbers as the page shows them."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from probes.measure.comparison import Caveat, Verdict
from probes.measure.result import Scalar
from probes.measure.summary import Interval, IntervalMethod
from probes.measure.units import Unit, format_quantity, format_seconds

# Control, format (direction overrides among them), surrogate and private characters: none helps a reader, some hide
# what stands there, and XML allows hardly any. Line breaks and tabs are handled before.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_LONGEST_LABEL = 60
_UNITS_BY_SUFFIX = {"_bytes": Unit.BYTES, "_ns": Unit.NANOSECONDS}

VERDICTS: Mapping[Verdict, str] = {
    Verdict.WORSE: "✗",
    Verdict.BETTER: "✓",
    Verdict.CHANGED: "≠",
    Verdict.INCONCLUSIVE: "?",
    Verdict.SAME: "=",
}
"""A sign beside each word, in the order of their importance: nobody should have to tell them by color."""

CAVEATS: Mapping[Caveat, str] = {
    Caveat.SINGLE_RUNS: "one run on a side: how much runs differ is assumed, not measured",
    Caveat.FEW_RUNS: "too few runs for the interval to be relied on",
    Caveat.NO_RATIO: "values of zero or below have no ratio: judged by their difference and order",
}


def clean(text: str) -> str:
    """Return `text` on one line, with a replacement character for all that can't be seen."""
    flat = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNPRINTABLE else c for c in flat)


def label(text: str) -> str:
    """Return `text` cleaned and short enough for a plot."""
    line = clean(text)
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 1] + "…"


def tick(value: float, unit: Unit) -> str:
    """Return a round number without the zeros that say how exactly something was measured."""
    return re.sub(r"\.0+(?!\d)|(\.\d*?)0+(?!\d)", r"\1", format_quantity(value, unit)) if value else "0"


def between(interval: Interval | None, unit: Unit) -> str:
    """Return an interval in words."""
    if interval is None:
        return "no interval"
    low, high = (format_quantity(end, unit) for end in (interval.low, interval.high))
    narrow = ", over samples as if independent: rather too narrow" if interval.method is IntervalMethod.SAMPLES else ""
    return f"{interval.confidence * 100:g} % interval {low} to {high}{narrow}"


def moment(when: datetime) -> str:
    """Return date and time with the offset that the result has."""
    return f"{when.day} {when:%B} {when.year}, {when:%H:%M} {when.tzname()}"


def named(key: str) -> str:
    """Return a field's name as words."""
    for suffix in (*_UNITS_BY_SUFFIX, "_seconds"):
        key = key.removesuffix(suffix)
    return key.replace("_", " ")


def fact(key: str, value: Scalar | None) -> str:
    """Return a fact's value; its unit is the end of its name, as everywhere in a result."""
    match value:
        case None:
            return "absent"
        case bool():
            return "yes" if value else "no"
        case int() | float() if abs(value) < 1e18:
            return _number(key, value)
        case _:
            return str(value)


def sentence(text: str) -> str:
    """Return `text` with a capital first letter."""
    return text[:1].upper() + text[1:]


def _number(key: str, value: float) -> str:
    for suffix, unit in _UNITS_BY_SUFFIX.items():
        if key.endswith(suffix):
            return format_quantity(value, unit)
    return format_seconds(value) if key.endswith("_seconds") else f"{value:.6g}" if value % 1 else f"{value:.0f}"
