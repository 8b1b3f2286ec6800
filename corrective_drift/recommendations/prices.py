"""An operator's own prices. Pure. Without them savings are in cores, GiB and nodes: none is ever assumed.

source = "our contract of 2026"
currency = "EUR"
core_month = 18.5
gib_month = 2.4
node_month = 140.0
"""

import math
import tomllib
from dataclasses import dataclass, field
from typing import Any

from corrective_drift.errors import InvalidOption
from corrective_drift.recommendations.finding import Saving

_UNITS = {"core_month": "cores", "gib_month": "GiB", "node_month": "nodes"}
_WORDS = ("source", "currency")
_NONE = "no price is known here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a month of something costs."""

    source: str = _NONE
    currency: str | None = None
    a_month: dict[str, float] = field(default_factory=dict)
    """Unit of a saving -> price of one of it."""

    def saving(self, of: str, amounts: tuple[float, float, float], unit: str, assumption: str) -> Saving:
        """Return a saving of some amounts (low, mid, high), with what it is worth where that is known."""
        price = self.a_month.get(unit)
        low, mid, high = amounts
        return Saving(
            of=of,
            low=low,
            mid=mid,
            high=high,
            unit=unit,
            price_source=self.source if price is not None else _NONE,
            money_low=None if price is None else low * price,
            money_high=None if price is None else high * price,
            currency=None if price is None else self.currency,
            assumption=assumption,
        )


def read_prices(text: str) -> Prices:
    """Read a price table from TOML. Raises InvalidOption that names what is wrong."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidOption(f"the price table is no TOML: {error}") from error
    unknown = sorted(table.keys() - {*_UNITS, *_WORDS})
    if unknown:
        allowed = ", ".join((*_WORDS, *_UNITS))
        raise InvalidOption(f"the price table has {', '.join(unknown)}: it may have {allowed}")
    for word in _WORDS:
        if not isinstance(table.get(word), str) or not table[word]:
            raise InvalidOption(f"the price table needs {word}, a text")
    amounts = {unit: _amount(name, table[name]) for name, unit in _UNITS.items() if name in table}
    return Prices(source=table["source"], currency=table["currency"], a_month=amounts)


def _amount(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InvalidOption(f"the price table's {name} must be a number of 0 or more")
    return float(value)
