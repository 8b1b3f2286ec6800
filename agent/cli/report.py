"""`probe report`: results as a page that a person likes to look at, or one metric as a picture."""

from collections.abc import Sequence
from pathlib import Path

import click

from agent.cli.files import check_writable, write_whole
from agent.cli.kept import read_run
from probes.errors import InvalidRequest, Unavailable
from probes.measure.result import RunResult

_FORMATS = ("html", "png", "svg")
_EXTRA = frozenset({"jinja2", "markupsafe", "matplotlib"})


@click.command(short_help="Make a page with plots of results.")
@click.argument("references", nargs=-1, required=True, metavar="RESULT...")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE",
              help="Where to write it.")  # fmt: skip
@click.option("--baseline", "baselines", multiple=True, metavar="RESULTS",
              help="What to hold the RESULTs against; repeatable, or several joined by commas.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(_FORMATS),
              help="What to write; default: what FILE ends with, else html.")  # fmt: skip
@click.option("--metric", metavar="PROBE/METRIC", help="png, svg: which metric to draw.")
@click.option("--trend", is_flag=True, help="png, svg: draw the metric over all runs, with changes of its level.")
def report(*, references: tuple[str, ...], output: Path, baselines: tuple[str, ...], form: str | None,
           metric: str | None, trend: bool) -> None:  # fmt: skip
    """Make one self-contained page of RESULTs: files, or kept runs (`probe history`).

    One RESULT is shown by itself. Of two, the newer is compared with the older. Of more, the newest is shown, and each
    metric over all of them, with the places where its level changed.

    \b
    Examples:
      probe report latest -o report.html
      probe report before.json after.json -o report.html
      probe report new1.json new2.json --baseline old1.json,old2.json -o report.html
      probe report latest --metric storage/read_latency -o read.svg
    """  # noqa: D301  \b is click's mark for a block to be left as it is
    chosen = form or (suffix if (suffix := output.suffix.removeprefix(".").lower()) in _FORMATS else "html")
    if bool(metric) == (chosen == "html"):
        raise InvalidRequest(
            "--metric is for a single plot: name a FILE that ends with .png or .svg" if metric
            else f"a {chosen} file shows one metric: name it with --metric PROBE/METRIC"
        )  # fmt: skip
    if trend and not metric:
        raise InvalidRequest("--trend is for a single plot: a page has all trends anyway")
    check_writable(output)
    write_whole(output, _drawn(_load(references), _load(baselines), metric, chosen, trend=trend))
    click.echo(f"Report: {output.resolve()}")


def _load(references: Sequence[str]) -> list[RunResult]:
    return [read_run(reference) for joined in references for reference in joined.split(",") if reference]


def _drawn(runs: list[RunResult], baseline: list[RunResult], metric: str | None, form: str, *,
           trend: bool) -> str | bytes:  # fmt: skip
    try:
        from agent.page.document import render  # noqa: PLC0415  an extra, which may not be there
        from agent.page.single import plot  # noqa: PLC0415  the same
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    try:
        return plot(runs, baseline, metric, form=form, over_runs=trend) if metric else render(runs, baseline)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error


def _missing(error: ModuleNotFoundError) -> Exception:
    """Return what to raise: a module of the extra is missing in the environment, any other is a fault of ours."""
    if (error.name or "").partition(".")[0] not in _EXTRA:
        return error
    return Unavailable(
        f"reports need {error.name}, which is not installed: pip install 'prism-telemetry-agent[report]'"
    )
