"""Units of what is measured, and the two directions between numbers and text a person writes or reads."""

import math
import re
from enum import StrEnum
from fractions import Fraction


class Unit(StrEnum):
    """The unit in which a metric's values are stored; stored values are never scaled."""

    NANOSECONDS = "ns"
    OPERATIONS_PER_SECOND = "ops/s"
    BYTES_PER_SECOND = "B/s"
    BITS_PER_SECOND = "bit/s"
    BYTES = "B"
    RATIO = "ratio"
    COUNT = "count"


_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi")
_DECIMAL = ("", "k", "M", "G", "T", "P")
_NUMBER = r"(?P<number>\d{1,19}(?:\.\d{1,19})?)\s*"
_SIZE = re.compile(_NUMBER + r"(?P<prefix>[kmgt]?)(?P<binary>i?)b?", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(_NUMBER + r"(?P<unit>ms|s|m|h|)", re.IGNORECASE | re.ASCII)
_SECONDS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600), "": Fraction(1)}
# off_t is a signed 64-bit integer: no file of Linux is larger (lseek(2)).
_LARGEST_SIZE = 2**63 - 1
# No probe has a use for more, and a slip of the unit (30h for 30s) should not be found out days later.
_LONGEST_SECONDS = 7 * 24 * 3600


def format_quantity(value: float, unit: Unit) -> str:
    """Return `value`, stored in `unit`, as a person reads it: three significant digits and a fitting prefix.

    Bytes take binary prefixes (as fio prints them), bits and operations decimal ones (as iperf3 and disk vendors do).
    """
    match unit:
        case Unit.NANOSECONDS:
            return _format_duration(value)
        case Unit.BYTES | Unit.BYTES_PER_SECOND:
            return _scaled(value, 1024, _BINARY, unit.value)
        case Unit.BITS_PER_SECOND:
            return _scaled(value, 1000, _DECIMAL, unit.value)
        case Unit.OPERATIONS_PER_SECOND:
            return _scaled(value, 1000, _DECIMAL, "/s")
        case Unit.RATIO:
            return f"{_significant(value * 100)} %"
        case Unit.COUNT:
            return f"{value:.0f}" if float(value).is_integer() else _significant(value)


def parse_size(text: str) -> int:
    """Return the bytes that `text` names: `4GiB`, `512MiB`, `1G`, `4096`. A prefix is binary with or without the `i`.

    Of a fraction of a byte the nearest whole one counts: a size that was formatted is no further off than its digits.
    fio reads `1G` as 2³⁰ too, so that one text means the same in both tools. Raises ValueError for anything else, for
    less than one byte, and for more than a file can hold.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match["binary"] and not match["prefix"]):
        raise ValueError(f"{text!r} is not a size: write a number with an optional unit, such as 512MiB or 4GiB")
    power = "kmgt".index(match["prefix"].lower()) + 1 if match["prefix"] else 0
    size = Fraction(match["number"]) * Fraction(1024) ** power
    if not 1 <= size <= _LARGEST_SIZE:
        raise ValueError(f"{text!r} is no size to use: it must be at least one byte and less than 8 EiB")
    return round(size)


def parse_duration(text: str) -> float:
    """Return the seconds that `text` names: `30s`, `500ms`, `2m`, `1.5`.

    Raises ValueError for anything else, for zero, and for more than seven days.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a number with an optional unit, such as 500ms, 30s or 2m")
    seconds = Fraction(match["number"]) * _SECONDS[match["unit"].lower()]
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError(f"{text!r} is no duration to use: it must be longer than zero and at most seven days")
    return float(seconds)


def format_seconds(seconds: float) -> str:
    """Return a duration in seconds as a person tells it: `850 ms`, `6.3 s`, `42 s`, `7 min 30 s`, `2 h 15 min`."""
    if round(seconds, 3) < 1:
        return _format_duration(seconds * 1e9)
    if round(seconds) < 60:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s".replace(".0", "")
    whole, large, small = (seconds, "min", "s") if round(seconds) < 3600 else (seconds / 60, "h", "min")
    count, rest = divmod(round(whole), 60)
    return f"{count} {large} {rest} {small}" if rest else f"{count} {large}"


def _format_duration(nanoseconds: float) -> str:
    for divisor, name in ((1, "ns"), (1e3, "µs"), (1e6, "ms")):
        # Rounded first: 999.7 ns reads 1.00 µs, not 1000 ns.
        if round(abs(nanoseconds) / divisor) < 1000:
            return f"{_significant(nanoseconds / divisor)} {name}"
    return f"{_significant(nanoseconds / 1e9)} s"


def _scaled(value: float, base: int, prefixes: tuple[str, ...], suffix: str) -> str:
    power = 0
    while round(abs(value)) >= base and power < len(prefixes) - 1:
        value /= base
        power += 1
    return f"{_significant(value)} {prefixes[power]}{suffix}"


def _significant(value: float) -> str:
    """Three significant digits, never an exponent."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    if math.isinf(rounded):  # the largest floats round to it, and a file may hold them
        return f"{value:.3g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}"
