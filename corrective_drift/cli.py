"""`corrective-drift`: arguments in, exit code out."""

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prism-telemetry-agent")
def main() -> None:
    """Receive reports of telemetry agents, release baselines, recommend, erase."""
