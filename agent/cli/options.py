"""Options, and what their values may be, that several commands share."""

from collections.abc import Callable
from typing import Any

import click

from probes.measure.units import parse_duration, parse_size

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What goes to standard output.",
)
"""For people or for programs; arrives as `form`."""


class Parsed(click.ParamType[Any]):
    """What `parse` makes of a text; its ValueError is wrong usage."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value; click's signature."""
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Parsed("time", parse_duration)
"""Seconds, from `90`, `500ms`, `5m`, `2h`."""
SIZE = Parsed("size", parse_size)
"""Bytes, from `512MiB`, `4G`."""
