"""Options that several commands share."""

import click

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What goes to standard output.",
)
"""For people or for programs; arrives as `form`."""
