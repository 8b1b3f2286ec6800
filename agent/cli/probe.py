"""`probe`: the command line of an engineer or a CI job. Here stand the commands and the exit codes, nothing else."""

from typing import NoReturn

import click

from agent.cli.lazy import LazyGroup, run_and_exit

# Name -> (where the command is, what it does). A command is imported only when called: `probe --help` stays instant.
_COMMANDS = {
    "run": ("agent.cli.run:run", "Measure this machine, or a cluster."),
    "compare": ("agent.cli.compare:compare", "Tell whether results are worse than others."),
    "report": ("agent.cli.report:report", "Make a page with plots of results."),
    "list": ("agent.cli.show:list_probes", "Show what can be measured, what it needs and how long it takes."),
    "doctor": ("agent.cli.doctor:doctor", "Find out what is missing here or in a cluster, and how to mend it."),
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
3 the environment lacks something, 130 stopped by Ctrl-C, 143 by SIGTERM,
129 by a terminal that was closed.
"""


@click.group(
    cls=LazyGroup,
    table=_COMMANDS,
    help="Measure storage, network, DNS, startup and utilization, with honest intervals.",
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="prism-telemetry-agent")
def cli() -> None:
    """Collect the commands."""


def main() -> NoReturn:
    """Run the command line and exit with its documented code."""
    run_and_exit(cli, "probe")
