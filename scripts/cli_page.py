"""Writes docs/cli.md, the reference of all commands, out of what `--help` says; a test sees that it is current."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from agent.cli.probe import cli as probe
from agent.cli.telemetry.command import cli as telemetry_agent
from corrective_drift.cli import main as corrective_drift

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
PROGRAMS: dict[str, click.Group] = {
    "probe": probe,
    "telemetry-agent": telemetry_agent,
    "corrective-drift": corrective_drift,
}
_HEAD = """\
# Commands

Every command with its options, made of what `--help` says by `python scripts/cli_page.py`: change the command, not this
page. Data goes to standard output, everything else to standard error; `NO_COLOR` is heeded.

"""
# How click marks a paragraph that keeps its lines.
_VERBATIM = "\b\n"


class MarkdownFormatter(click.HelpFormatter):
    """Takes what click writes of a command's help, and has it as Markdown."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:  # noqa: ARG002  click's
        """Write the synopsis."""
        self.write(f"    {prog} {args}".rstrip() + "\n")

    def write_heading(self, heading: str) -> None:
        """Write the name of a section."""
        self.write(f"**{heading}**\n\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs; what keeps its lines, such as examples, becomes a block."""
        for paragraph in re.split(r"\n{2,}", text.strip("\n")):
            if paragraph.startswith(_VERBATIM):
                lines = paragraph.removeprefix(_VERBATIM).splitlines()
                if lines[0].endswith(":") and len(lines) > 1:
                    self.write(f"**{lines.pop(0).rstrip(':')}**\n\n")
                self.write("".join(f"    {line.strip()}\n" for line in lines) + "\n")
            else:
                self.write(f"{' '.join(paragraph.split())}\n\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:  # noqa: ARG002  click's
        """Write names and what they are as a list."""
        for name, purpose in rows:
            self.write(f"- `{name}`" + (f": {' '.join(purpose.split())}" if purpose else "") + "\n")

    def write_paragraph(self) -> None:
        """End a paragraph."""
        self.write("\n")


def page() -> str:
    """Return the whole page."""
    text = _HEAD + "\n".join(line for name, group in PROGRAMS.items() for line in _command(group, name, None))
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """Yield a command's part, and those of the commands below it."""
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    # Wide enough that click shortens no purpose of a command.
    formatter = MarkdownFormatter(width=1000)
    command.format_help(context, formatter)
    yield f"{'#' * _depth(context)} {context.command_path}\n\n{formatter.getvalue()}"
    for below, each in _below(command, context):
        yield from _command(each, below, context)


def _depth(context: click.Context) -> int:
    return 2 if context.parent is None else 1 + _depth(context.parent)


def _below(command: click.Command, context: click.Context) -> Iterable[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield name, found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
