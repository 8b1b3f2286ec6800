"""The walk of a JSON Schema that names every place where something could stand that nobody has listed."""

from collections.abc import Iterator
from typing import Any

# The forms of what the agent itself makes: digests, days, weeks. Each is of one length, without any free part.
_FORMS = {
    "^[a-z2-7]{20}$",
    "^[a-z2-7]{26}$",
    "^[0-9a-f]{64}$",
    "^20[0-9]{2}-W(0[1-9]|[1-4][0-9]|5[0-3])$",
    "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
}
_LARGEST_INTEGER = 2000
_LONGEST_LIST = 128
_REQUIRED = {
    "boolean": {"type"},
    "string": {"type", "pattern", "maxLength"},
    "integer": {"type", "minimum", "maximum"},
    "array": {"type", "items", "maxItems"},
    "object": {"type", "properties", "required", "additionalProperties"},
}
_FURTHER = {"integer": {"multipleOf"}, "array": {"minItems", "uniqueItems", "prefixItems"}}


def open_places(schema: Any, place: str = "") -> Iterator[str]:
    """Yield each place of a schema where a value is not bounded by a list of words or numbers.

    A keyword that is not known here is open, since it may mean anything.
    """
    if not isinstance(schema, dict):
        yield f"{place}: no schema"
    elif "oneOf" in schema and schema.keys() <= {"$schema", "oneOf"}:
        for shape in schema["oneOf"]:
            yield from open_places(shape, place)
    elif "enum" in schema:
        if schema.keys() != {"enum"} or not all(type(word) is str for word in schema["enum"]):
            yield f"{place}: more than a list of words"
    else:
        yield from _of_type(schema, place)


def _of_type(schema: dict[str, Any], place: str) -> Iterator[str]:
    kind = schema.get("type")
    required = _REQUIRED.get(kind, {"a type"}) if isinstance(kind, str) else {"a type"}
    if not required <= schema.keys() <= required | _FURTHER.get(str(kind), set()):
        yield f"{place}: not bounded"
    elif kind == "string":
        if schema["pattern"] not in _FORMS:
            yield f"{place}: text"
    elif kind == "integer":
        if not -_LARGEST_INTEGER <= schema["minimum"] <= schema["maximum"] <= _LARGEST_INTEGER:
            yield f"{place}: a number that is large enough to be exact"
    elif kind == "array":
        yield from _of_array(schema, place)
    elif kind == "object":
        if schema["additionalProperties"] is not False:
            yield f"{place}: further properties"
        for name, part in schema["properties"].items():
            yield from open_places(part, f"{place}.{name}" if place else name)


def _of_array(schema: dict[str, Any], place: str) -> Iterator[str]:
    if schema["maxItems"] > _LONGEST_LIST:
        yield f"{place}: too long a list"
    described = schema.get("prefixItems")
    if described is None:
        yield from open_places(schema["items"], f"{place}[]")
        return
    if schema["items"] is not False or schema["maxItems"] != len(described):
        yield f"{place}: more items than are described"
    for item in described:
        yield from open_places(item, f"{place}[]")
