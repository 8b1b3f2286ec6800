"""Dated public knowledge, each piece with its source and the day on which it was looked up.

Law: what could not be confirmed is not here, and a rule that needs it abstains.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Until when somebody makes fixes for minor versions."""

    name: str
    source: str
    checked: date
    afterwards: str
    end_of_life: Mapping[str, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """How far a kubelet may be behind."""

    largest: int
    source: str
    checked: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All of it."""

    by_distribution: Mapping[str, Support]
    kubelet_skew: Skew


@cache
def known() -> Knowledge:
    """Return what ships with this release of the service."""
    text = files(__name__).joinpath("kubernetes.toml").read_text("utf-8")
    table = tomllib.loads(text)
    supports = {
        distribution: Support(**{name: part for name, part in each.items() if name != "distributions"})
        for each in table["support"]
        for distribution in each["distributions"]
    }
    return Knowledge(by_distribution=supports, kubelet_skew=Skew(**table["kubelet_skew"]))
