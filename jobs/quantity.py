"""Kubernetes quantities, such as `100m`, `64Mi` and `1e3`, as numbers, and back.

The notation is that of apimachinery's `resource.Quantity`: a decimal number with a binary (Ki ... Ei) or decimal
(n, u, m, k ... E) suffix or an exponent.
"""

import math
import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII)
_FACTORS = {
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate(["n", "u", "m", "", "k", *"MGTPE"], start=-3)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}


def parse(text: str) -> float:
    """Return the number that `text` stands for, in cores or bytes or units.

    Raises ValueError where it is none, or is beyond a float.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"not a Kubernetes quantity: {text!r:.40}; write for example 500m, 2 or 4Gi")
    number, exponent, suffix = match.groups()
    try:
        amount = float(Decimal(number + (exponent or "")) * _FACTORS[suffix or ""])
    except ArithmeticError as error:
        raise _too_large(text) from error
    if not math.isfinite(amount):
        raise _too_large(text)
    return amount


def _too_large(text: str) -> ValueError:
    return ValueError(f"a quantity beyond all that there is: {text!r:.40}")


def cpu(cores: float) -> str:
    """Write `cores` as a quantity, in whole thousandths of a core, at least one."""
    return f"{max(1, round(cores * 1000))}m"


def size(size_bytes: int) -> str:
    """Write a number of bytes as a quantity, in the largest binary unit that loses nothing."""
    for suffix in ("Gi", "Mi", "Ki"):
        factor = int(_FACTORS[suffix])
        if size_bytes % factor == 0:
            return f"{size_bytes // factor}{suffix}"
    return str(size_bytes)
