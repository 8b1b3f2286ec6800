"""`telemetry-agent`: the daemon, and what a person asks of it. Here stand the commands, nothing else."""

from pathlib import Path
from typing import NoReturn

import click

from agent.cli.lazy import LazyGroup, run_and_exit
from agent.quiet import silence, silence_packages

_HERE = "agent.cli.telemetry"
_COMMANDS = {
    "once": (f"{_HERE}.once:once", "Collect and queue a report now, and send what is due."),
    "preview": (f"{_HERE}.preview:preview", "Print exactly what would be sent; connect to nothing but the cluster."),
    "validate": (f"{_HERE}.validate:validate", "Check the configuration."),
    "status": (f"{_HERE}.status:status", "Tell in words what the agent does, and what waits."),
    "fields": (f"{_HERE}.fields:fields", "List every field that can be sent, at which level, and what for."),
    "rbac": (f"{_HERE}.rbac:rbac", "Print the RBAC objects that a level takes."),
    "consent": (f"{_HERE}.consent:consent", "Show, grant or revoke consent."),
    "audit": (f"{_HERE}.audit:audit", "Show or verify the audit trail."),
    "recommendations": (f"{_HERE}.recommendations:recommendations", "Show what the service recommends."),
    "drift": (f"{_HERE}.drift:drift", "Show what has changed over the runs kept here."),
    "export": (f"{_HERE}.export:export", "Write what waits to a file, for a cluster without a way out."),
    "token": (f"{_HERE}.token:token", "Show the cluster's id and token, for signing in at the service."),
    "rotate-id": (f"{_HERE}.rotate_id:rotate_id", "Become another cluster to the service from now on."),
    "delete-data": (f"{_HERE}.delete_data:delete_data", "Have the service erase what it holds about this cluster."),
}

_EXAMPLES = """\b
Examples:
  telemetry-agent --config config.yaml              the daemon
  telemetry-agent --config config.yaml --dry-run    exactly what would be sent
  telemetry-agent fields --level minimal            what a level is
  telemetry-agent consent revoke                    stop, and forget what waits

\b
Exit codes: 0 good, 1 a check failed (the audit trail, drift),
2 a wrong configuration or usage, 3 the environment lacks something.
"""


@click.group(
    cls=LazyGroup,
    table=_COMMANDS,
    invoke_without_command=True,
    help="Collect, anonymize and send what was consented to; without a command, as a daemon.",
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The configuration; without it /etc/telemetry/config.yaml, where there is one.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be sent, open no connection to the service, and end.")
@click.version_option(package_name="prism-telemetry-agent")
@click.pass_context
def cli(ctx: click.Context, path: Path | None, *, dry_run: bool) -> None:
    """Be the daemon, unless a command follows."""
    ctx.obj = path
    if ctx.invoked_subcommand is not None:
        if dry_run:
            raise click.UsageError("--dry-run is for the daemon: `telemetry-agent preview` shows what would be sent")
        return
    if dry_run:
        from agent.cli.telemetry.preview import preview  # noqa: PLC0415  imported when called, like every command

        ctx.invoke(preview)
    else:
        from agent.cli.telemetry.run import run  # noqa: PLC0415  the same

        run(path)


def main() -> NoReturn:
    """Run the command line and exit with its documented code."""
    silence()
    silence_packages()
    run_and_exit(cli, "telemetry-agent")
