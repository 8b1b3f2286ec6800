"""A command line whose commands are imported only when they are called, and how it ends."""

import difflib
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

# What is missing of these is a fault, and not the choice of whoever made an image.
_OWN = frozenset({"", "agent", "jobs", "probes"})


class LazyGroup(click.Group):
    """A group out of a table: name -> (where the command is, as `module:attribute`, and what it does)."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names, in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's
        """Import a command and return it."""
        if cmd_name not in self._table:
            return None
        module, _, attribute = self._table[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a name that there is not gets a hint."""
        if args and args[0] not in self._table and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self._table, n=1)
            hint = f"did you mean `{ctx.command_path} {near[0]}`?" if near else f"known are {', '.join(self._table)}"
            raise click.UsageError(f"there is no command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        """Write what the table says, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in self._table.items()])


def run_and_exit(group: click.Group, name: str) -> NoReturn:
    """Run a command line and exit with its documented code; an error is one line on stderr."""
    try:
        code = group.main(prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        code = _complain(name, error.format_message(), error.exit_code)
    except click.Abort:
        code = _complain(name, "stopped", 130)
    except BrokenPipeError:
        # Whoever read our output has had enough. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in _OWN:
            raise
        hint = "install the whole package (the image `probe` has only what measures one machine)"
        code = _complain(name, f"{package} is not installed here: {hint}", 3)
    except Exception as error:
        code = _code_of(error)
        if code is None:
            raise
        _complain(name, str(error), code)
    sys.exit(code)


def _code_of(error: Exception) -> int | None:
    """The documented exit code of an error of ours, None for a fault."""
    from agent import errors as agent_errors  # noqa: PLC0415  `--help` must not pay for it
    from jobs import errors as jobs_errors  # noqa: PLC0415  nor for this
    from probes.errors import Interrupted, InvalidRequest, Unavailable  # noqa: PLC0415  nor for this

    match error:
        case InvalidRequest() | jobs_errors.InvalidRequest() | agent_errors.InvalidSettings():
            return 2
        case Interrupted(signal_number=number) | jobs_errors.Stopped(signal_number=number):
            return 128 + number
        case Unavailable() | jobs_errors.JobsError() | agent_errors.AgentError():
            return 3
        case _:
            return None


def _complain(name: str, message: str, code: int) -> int:
    click.echo(f"{name}: {' '.join(message.split())}", err=True)
    return code
