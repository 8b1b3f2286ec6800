"""`probe compare`: is it worse than before? Two sets of results in, a verdict for each metric out."""

from typing import Any

import click
import numpy as np

from agent.cli.comparison_table import print_comparison
from agent.cli.kept import read_run
from agent.cli.options import format_option
from probes.errors import InvalidRequest
from probes.measure.compare import compare as compare_runs
from probes.measure.compare import regressions
from probes.measure.comparison import Caveat, Comparison
from probes.measure.result import RunResult

# Equal results must give equal intervals each time; which draws they rest on does not matter.
_SEED = 20_261_124
_COMMUNITY = "community"


class _Share(click.ParamType[float]):
    """`10%` or `0.1`."""

    name = "share"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        number, percent, _ = value.partition("%")
        try:
            share = float(number) / (100 if percent else 1)
        except ValueError:
            self.fail(f"{value!r} is no share: write 10% or 0.1", param, ctx)
        if not 0 < share < 1:
            self.fail(f"{value!r} is out of bounds: a share lies between 0 and 100 %", param, ctx)
        return share


@click.command(short_help="Tell whether results are worse than others.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", required=False)
@click.option("--baseline", metavar="RESULTS|URL|community", help="What to compare A with, in place of B.")
@click.option("--margin", type=_Share(), default=0.05, show_default="5%", help="A change up to this does not matter.")
@click.option(
    "--fail-on", type=_Share(), metavar="SHARE", help="Exit with 1 where a metric is worse by more than this."
)
@click.option(
    "--service", metavar="URL", help="Whose community baselines; that of the agent's configuration if absent."
)
@click.option(
    "--cohort",
    multiple=True,
    metavar="NAME=WORD",
    help="What the result itself doesn't tell for a community baseline, such as provider=aws; repeatable.",
)
@format_option
def compare(  # noqa: PLR0913  one for each option
    *,
    before: str,
    after: str | None,
    baseline: str | None,
    margin: float,
    fail_on: float | None,
    service: str | None,
    cohort: tuple[str, ...],
    form: str,
) -> None:
    """Compare B with A, or A with a baseline. Each is a result's file, a kept run (`probe history`), or several of
    them joined by commas: with five or more on a side, a verdict knows how much runs differ.

    \b
    Examples:
      probe compare before.json after.json
      probe compare latest~1 latest
      probe compare a1.json,a2.json,a3.json,a4.json,a5.json b1.json,b2.json,b3.json,b4.json,b5.json
      probe compare latest --baseline before-upgrade --fail-on 10%
      probe compare latest --baseline community --cohort provider=aws
    """  # noqa: D205, D301  click's help: a paragraph may be longer than a line, \b leaves a block as it is
    if baseline == _COMMUNITY:
        _with_community(before, after, fail_on, service=service, cohort=cohort, form=form)
        return
    if service is not None or cohort:
        raise InvalidRequest(f"--service and --cohort go with --baseline {_COMMUNITY}")
    reference, subject = _sides(before, after, baseline)
    comparison = _compared(_load(reference), _load(subject), margin)
    worse = regressions(comparison, fail_on) if fail_on is not None else ()
    if form == "json":
        click.echo(comparison.model_dump_json(indent=2))
    else:
        print_comparison(comparison)
    if fail_on is not None and any(Caveat.SINGLE_RUNS in metric.caveats for metric in comparison.metrics):
        click.echo("probe: one run on a side can hardly fail --fail-on: give five or more, joined by commas", err=True)
    for metric in worse:
        click.echo(f"regression beyond {fail_on:.0%}: {metric.probe}, {metric.title}: {metric.reason}", err=True)
    click.get_current_context().exit(1 if worse else 0)


def _with_community(before: str, after: str | None, fail_on: float | None, **options: Any) -> None:
    if after is not None or fail_on is not None:
        raise InvalidRequest(f"--baseline {_COMMUNITY} tells where one result stands: give neither B nor --fail-on")
    from agent.cli.community import compare_with_community  # noqa: PLC0415  an HTTP client, which files don't need

    compare_with_community(_load(before), **options)


def _sides(before: str, after: str | None, baseline: str | None) -> tuple[str, str]:
    """The references of the baseline and of what is compared with it."""
    if (after is None) == (baseline is None):
        raise InvalidRequest("name what to compare with: a second result, or --baseline (not both)")
    return (before, after) if after is not None else (str(baseline), before)


def _load(references: str) -> list[RunResult]:
    return [_load_one(reference) for reference in references.split(",") if reference]


def _load_one(reference: str) -> RunResult:
    if "://" not in reference:
        return read_run(reference)
    from agent.results.baseline import fetch  # noqa: PLC0415  an HTTP client is a third of what this command costs

    return fetch(reference)


def _compared(baseline: list[RunResult], candidate: list[RunResult], margin: float) -> Comparison:
    try:
        comparison = compare_runs(baseline, candidate, rng=np.random.default_rng(_SEED), margin=margin)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    if not comparison.metrics:
        reasons = [f"{each.field} differs in {each.probe or 'the runs'}" for each in comparison.incomparable]
        reasons += [f"{each.probe} is missing in the {each.side.value}" for each in comparison.absences]
        raise InvalidRequest(f"nothing can be compared: {'; '.join(dict.fromkeys(reasons)) or 'no metric is in both'}")
    return comparison
