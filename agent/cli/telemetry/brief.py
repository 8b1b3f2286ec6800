"""A document for people: a line for each subject, and of what is long its beginning. Pure."""

import json
from collections.abc import Iterator
from typing import Any

_CUT = " …"


def brief(document: dict[str, Any], *, width: int) -> Iterator[str]:
    """Yield lines of at most `width` characters; what is left out of one is marked by an ellipsis."""
    yield "{"
    for name, value in document.items():
        if isinstance(value, dict) and any(_has_rows(part) for part in value.values()):
            yield f'  "{name}": {{'
            yield from (_line(f"    {json.dumps(key)}: ", part, width) for key, part in value.items())
            yield "  },"
        else:
            yield _line(f"  {json.dumps(name)}: ", value, width)
    yield "}"


def _line(begin: str, value: object, width: int) -> str:
    """Return one line; of rows, how many there are and the first."""
    if isinstance(value, list) and _has_rows(value):
        rows = "row" if len(value) == 1 else "rows"
        begin, value = f"{begin}[{len(value)} {rows}, the first: ", _telling(value[0])
    text = begin + json.dumps(value)
    return f"{text}," if len(text) < width else text[: width - len(_CUT)] + _CUT


def _telling(row: dict[str, Any]) -> dict[str, Any]:
    """Return the same with what tells it from others first, and distributions last."""
    return dict(sorted(row.items(), key=lambda item: (isinstance(item[1], list), not isinstance(item[1], str))))


def _has_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
