"""A user's directories by the XDG Base Directory Specification (https://specifications.freedesktop.org/basedir)."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path


class Purpose(StrEnum):
    """What a directory is for: the variable that names it, without `XDG_` and `_HOME`."""

    STATE = "STATE"
    """What should outlive a restart."""
    CACHE = "CACHE"
    """What can be fetched again."""


_DEFAULTS = {Purpose.STATE: ".local/state", Purpose.CACHE: ".cache"}


def directory(purpose: Purpose, variables: Mapping[str, str]) -> Path | None:
    """Return the user's directory for a purpose, None where it is not named and there is no home either."""
    named = variables.get(f"XDG_{purpose}_HOME", "")
    if named.startswith("/"):  # a relative path is to be ignored, says the specification
        return Path(named)
    try:
        home = Path(variables.get("HOME") or Path("~").expanduser())
    except RuntimeError:
        return None
    return home / _DEFAULTS[purpose]
