"""`telemetry-agent recommendations`: what the service advises."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from agent.cli.options import format_option
from agent.cli.telemetry.opened import open_agent
from agent.cli.telemetry.talk import answered, calls, keys_of
from agent.page.text import clean
from probes.measure.units import Unit, format_quantity

Json = Mapping[str, Any]
_UNITS = frozenset(each.value for each in Unit)


@click.command(short_help="Show what the service recommends.")
@click.option("--brief", "shortened", is_flag=True, help="Count what could not be judged, without the reasons.")
@format_option
@click.pass_context
def recommendations(ctx: click.Context, form: str, *, shortened: bool) -> None:
    """Fetch the recommendations for this cluster, each with its evidence, risk and how to undo it."""
    opened = open_agent(ctx)
    keys = keys_of(opened)
    found = answered(calls(opened, keys).recommendations(keys.cluster_id), "fetch recommendations")
    if form == "json":
        click.echo(json.dumps(found, indent=2))
        return
    found = _cleaned(found)
    advice = _records(found.get("recommendations"))
    for each in advice:
        for line in _lines(each):
            click.echo(line)
    if not advice:
        click.echo(f"Nothing is recommended: {found.get('reason', 'no rule applies to what was reported')}.")
    for line in _not_judged(_records(found.get("abstained")), shortened=shortened):
        click.echo(line, err=True)


def _cleaned(found: Any) -> Any:
    """Return it with texts of one line each without what cannot be seen: a terminal obeys some characters."""
    match found:
        case str():
            return clean(found)
        case list():
            return [_cleaned(each) for each in found]
        case dict():
            return {name: _cleaned(each) for name, each in found.items()}
        case _:
            return found


def _records(found: Any) -> list[Json]:
    """Return the records of a list; another service, or a later one, may have sent anything."""
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _not_judged(abstained: Sequence[Json], *, shortened: bool) -> Iterator[str]:
    """Yield what no rule could know: a line for each, or one for all of them."""
    if shortened and abstained:
        yield f"Not judged: {len(abstained)} questions; without --brief this command says what each lacks."
        return
    for each in abstained:
        about = f" ({each['subject']})" if each.get("subject") else ""
        yield f"Not judged: {each.get('rule')}{about}: {each.get('reason')}"


def _lines(advice: Json) -> Iterator[str]:
    """Yield what a person needs to decide; everything else is in the JSON."""
    about = f" ({advice['subject']})" if advice.get("subject") else ""
    yield click.style(f"{advice.get('title') or advice.get('rule')}{about}", bold=True)
    observed, baseline = advice.get("observed"), advice.get("baseline")
    if isinstance(observed, Mapping):
        yield f"  observed: {_observed(observed)}"
        if isinstance(baseline, Mapping):
            yield f"  baseline: {_baseline(baseline, str(observed.get('unit', '')))}"
    for saving in _records(advice.get("savings")):
        yield f"  saving: {_saving(saving)}"
    for key in ("confidence", "action", "risk", "undo"):
        if advice.get(key) is not None:
            yield f"  {key}: {advice[key]}"


def _observed(observed: Json) -> str:
    unit = str(observed.get("unit", ""))
    value, span = _amount(observed.get("value"), unit), _span(observed, unit)
    return f"{observed.get('what')} {value} (95 % interval {span}), over {observed.get('days')} days"


def _baseline(baseline: Json, unit: str) -> str:
    parts = [str(baseline.get("source"))]
    if isinstance(baseline.get("threshold"), int | float):
        parts.append(f"threshold {_amount(baseline['threshold'], unit)}")
    if baseline.get("contributors") is not None:
        cohort = baseline.get("cohort")
        words = ", ".join(map(str, cohort.values())) if isinstance(cohort, Mapping) and cohort else "all clusters"
        parts.append(f"{words}, {baseline['contributors']} clusters or more, {baseline.get('week')}")
    if baseline.get("dated") is not None:
        parts.append(f"as of {baseline['dated']}")
    return "; ".join(parts)


def _saving(saving: Json) -> str:
    unit = str(saving.get("unit", ""))
    money = ""
    if isinstance(saving.get("money_low"), int | float) and isinstance(saving.get("money_high"), int | float):
        money = f", {saving['money_low']:.0f} to {saving['money_high']:.0f} {saving.get('currency')} a month"
    return f"{saving.get('of')}: {_span(saving, unit)}{money} ({saving.get('assumption')})"


def _span(record: Json, unit: str) -> str:
    """Return both ends of a range, with a unit that is words after the second only."""
    plain = unit if unit in _UNITS else ""
    return f"{_amount(record.get('low'), plain)} to {_amount(record.get('high'), unit)}"


def _amount(value: Any, unit: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "more"
    if unit in _UNITS:
        return format_quantity(float(value), Unit(unit))
    return f"{value:.3g} {unit}".rstrip()
