"""Options of a probe as the user wrote them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from probes.errors import InvalidRequest

T = TypeVar("T")


def read_option(options: Mapping[str, object], name: str, read: Callable[[str], T]) -> T | None:
    """Return what `read` makes of an option, None where it was not given.

    Raises InvalidRequest, with the option's name, where `read` raises ValueError.
    """
    try:
        return read(str(options[name])) if name in options else None
    except ValueError as error:
        raise InvalidRequest(f"--{name}: {error}") from error
