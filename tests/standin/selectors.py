"""The API's label and field selectors. Pure."""

import re
from typing import Any

from tests.standin.problem import Problem
from tests.standin.resources import Json

_SET = re.compile(r"\s*(?P<key>[^\s!=,]+)\s+(?P<how>in|notin)\s+\((?P<values>[^)]*)\)\s*")
_EQUAL = re.compile(r"\s*(?P<key>[^\s!=,]+)\s*(?P<how>!=|==?)\s*(?P<value>[^\s,]*)\s*")
_EXISTS = re.compile(r"\s*(?P<absent>!?)\s*(?P<key>[^\s!=,]+)\s*")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


def matches_labels(selector: str, labels: dict[str, str]) -> bool:
    return all(_matches(term, labels) for term in _COMMA_OUTSIDE_PARENTHESES.split(selector) if term.strip())


def _matches(term: str, labels: dict[str, str]) -> bool:
    if match := _SET.fullmatch(term):
        values = {value.strip() for value in match["values"].split(",")}
        return (labels.get(match["key"]) in values) == (match["how"] == "in")
    if match := _EQUAL.fullmatch(term):
        return (labels.get(match["key"]) == match["value"]) == (match["how"] != "!=")
    if match := _EXISTS.fullmatch(term):
        return (match["key"] in labels) != bool(match["absent"])
    raise Problem(400, "BadRequest", f"unable to parse requirement: {term!r}")


def matches_fields(selector: str, thing: Json) -> bool:
    """Whether fields, addressed by dots, equal what is asked; what is absent equals the empty string."""
    for term in filter(None, selector.split(",")):
        match = _EQUAL.fullmatch(term)
        if match is None:
            raise Problem(400, "BadRequest", f"invalid selector: {term!r}; can't understand it")
        value: Any = thing
        for part in match["key"].split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if (str(value or "") == match["value"]) != (match["how"] != "!="):
            return False
    return True
