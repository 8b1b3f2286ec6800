"""`probe list` and `probe schema`: what there is, without measuring anything."""

import json

import click

from agent.cli.options import format_option


@click.command(name="list", short_help="Show what can be measured.")
@format_option
def list_probes(*, form: str) -> None:
    """Show what can be measured, what it needs, and about how long each profile takes."""
    from probes.catalogue import CATALOGUE  # noqa: PLC0415  numpy and pydantic come with it
    from probes.measure.units import format_seconds  # noqa: PLC0415
    from probes.probe import Profile  # noqa: PLC0415
    from probes.runner import prepare  # noqa: PLC0415

    rows = [
        {"name": entry.name, "title": entry.title, "needs": entry.needs}
        | {f"{profile.value}_seconds": prepare(entry.name, profile, {}).plan.seconds for profile in Profile}
        for entry in CATALOGUE.values()
    ]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        durations = ", ".join(f"{p.value} {format_seconds(float(row[f'{p.value}_seconds']))}" for p in Profile)
        click.echo(
            f"{click.style(str(row['name']), bold=True)}\n    {row['title']}\n    needs {row['needs']}; {durations}"
        )


@click.command(short_help="Print the JSON Schema of results.")
def schema() -> None:
    """Print the JSON Schema (2020-12) of what `probe run --format json` writes."""
    from probes.measure.result import json_schema  # noqa: PLC0415  pydantic comes with it

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
