"""Sentences about failures: which of them say the same, and one sentence for many. Pure."""

import re
from collections.abc import Iterable

from jobs.site import name_pattern

# A reader needs no more of them to see what is wrong.
_MOST = 3
# What differs between two tellings of one trouble: our objects' names, addresses with the ports that a client happened
# to have, and how long was waited.
_DIFFERING = re.compile(rf"{name_pattern()}|\d+(?:\.\d+){{3}}(?::\d+)?| \((?:after|not tried)\b[^()]*\)$")


def core(reason: str) -> str:
    """Return what a reason has in common with those that say the same of another pod."""
    return _DIFFERING.sub("…", reason)


def several(told: Iterable[tuple[str, str]]) -> str:
    """Return one sentence of pairs of whose trouble it is (empty where that tells nothing) and the reason.

    Reasons that say the same are told once, in the words of the first, with how often and whose they are.
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for whose, reason in told:
        groups.setdefault(core(reason), (reason, []))[1].append(whose)
    sentences = [_one(reason, whose) for reason, whose in groups.values()]
    more = f"; and {len(sentences) - _MOST} more" if len(sentences) > _MOST else ""
    return "; ".join(sentences[:_MOST]) + more


def _one(reason: str, whose: list[str]) -> str:
    places = ", ".join(dict.fromkeys(each for each in whose if each))
    count = f"{len(whose)} times" if len(whose) > 1 else ""
    prefix = ", ".join(each for each in (places, count) if each)
    return f"{prefix}: {reason}" if prefix else reason
