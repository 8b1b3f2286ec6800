"""Where an axis is marked: few places, round numbers, in the unit a person reads."""

import math
from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from probes.measure.units import Unit

_FEWEST = 3
_MOST = 5
# Of each decade, from few to many.
_DIGITS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))
_BINARY = frozenset({Unit.BYTES, Unit.BYTES_PER_SECOND})


def log_ticks(low: float, high: float, unit: Unit) -> Sequence[float]:
    """Return at most five places within the positive `low` < `high`: powers of ten where they suffice."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in _DIGITS:
        found = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
        found = [value for value in found if low <= value <= high]
        if len(found) >= _FEWEST:
            return found[:: math.ceil(len(found) / _MOST)]
    return linear_ticks(low, high, unit)


def linear_ticks(low: float, high: float, unit: Unit) -> Sequence[float]:
    """Return about four places within `low` < `high`, round with the prefix they will be written with."""
    scale = 1.0
    while unit in _BINARY and max(abs(low), abs(high)) / scale >= 1024:
        scale *= 1024
    places = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(low / scale, high / scale)
    return [place * scale for place in places if low <= place * scale <= high]
