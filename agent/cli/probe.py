"""`probe`: the command line of an engineer or a CI job. Here stand the commands and the exit codes, nothing else."""

import difflib
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

# Name -> (where the command is, what it does). A command is imported only when called: `probe --help` stays instant.
_COMMANDS = {
    "run": ("agent.cli.run:run", "Measure this machine, or a cluster."),
    "compare": ("agent.cli.compare:compare", "Tell whether results are worse than others."),
    "report": ("agent.cli.report:report", "Make a page with plots of results."),
    "list": ("agent.cli.show:list_probes", "Show what can be measured, what it needs and how long it takes."),
    "doctor": ("agent.cli.doctor:doctor", "Find out what is missing here, and how to mend it."),
    "history": ("agent.cli.history:history", "List, tag, show again and trend the runs kept on this machine."),
    "serve": ("agent.cli.serve:serve", "Answer the latency and throughput probes of another machine."),
    "cleanup": ("agent.cli.cleanup:cleanup", "Remove whatever earlier runs have left in a cluster."),
    "schema": ("agent.cli.show:schema", "Print the JSON Schema of results."),
}

_EXAMPLES = """\b
Examples:
  probe run                         everything, within a minute
  probe run storage --path /data    one disk
  probe run --target cluster        the cluster that kubectl talks to
  probe doctor                      what is missing here

\b
Exit codes: 0 good, 1 a regression was found, 2 wrong usage,
3 the environment lacks something, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean `probe {near[0]}`?" if near else f"known are {', '.join(_COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    help="Measure storage, network, DNS, startup and utilization, with honest intervals.",
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="prism-telemetry-agent")
def cli() -> None:
    """Collect the commands."""


def main() -> NoReturn:
    """Run the command line and exit with its documented code; an error is one line on stderr."""
    try:
        code = cli.main(prog_name="probe", standalone_mode=False)
    except click.ClickException as error:
        code = _complain(error.format_message(), error.exit_code)
    except click.Abort:
        code = _complain("stopped", 130)
    except BrokenPipeError:
        # Whoever read our output has had enough. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:
        code = _code_of(error)
        if code is None:
            raise
        _complain(str(error), code)
    sys.exit(code)


def _code_of(error: Exception) -> int | None:
    """The documented exit code of an error of ours, None for a fault."""
    from jobs import errors as jobs_errors  # noqa: PLC0415  `--help` must not pay for it
    from probes.errors import Interrupted, InvalidRequest, Unavailable  # noqa: PLC0415  nor for this

    match error:
        case InvalidRequest() | jobs_errors.InvalidRequest():
            return 2
        case Interrupted(signal_number=number) | jobs_errors.Stopped(signal_number=number):
            return 128 + number
        case Unavailable() | jobs_errors.JobsError():
            return 3
        case _:
            return None


def _complain(message: str, code: int) -> int:
    click.echo(f"probe: {' '.join(message.split())}", err=True)
    return code
