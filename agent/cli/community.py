"""`probe compare RESULT --baseline community`: where a result stands among those of other clusters."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.text import Text

from agent import settings, xdg
from agent.cli.layout import Column, ProbeTable, print_tables, remark
from agent.collect.host import provider_of
from agent.results import community
from agent.results.cohort import STORAGE_KIND, CommunityComparison, Standing, compared, facts_of
from agent.wire.vocabulary import OTHER, PROVIDERS, REGION_CLASSES, STORAGE_KINDS
from probes.errors import InvalidRequest, Unavailable
from probes.measure.baselines import FACTS, NODE_BUCKETS
from probes.measure.result import Better, RunResult
from probes.measure.units import format_quantity

_WORDS: Mapping[str, tuple[str, ...]] = {
    "provider": (*PROVIDERS, OTHER),
    "region_class": (*REGION_CLASSES, OTHER),
    "node_bucket": NODE_BUCKETS,
    STORAGE_KIND: STORAGE_KINDS,
}
_COLUMNS = (
    Column(heading="yours", least=10),
    Column(heading="their median", least=12),
    Column(heading="better than", least=11),
    Column(heading="95 % interval", least=13),
    Column(heading="among", least=12, words=True),
)


def compare_with_community(runs: list[RunResult], *, service: str | None, cohort: Iterable[str], form: str) -> None:
    """Print where the medians of a run, or of several alike, stand. Raises as `agent.results.community` does."""
    facts = _facts(runs[0]) | dict(_given(each) for each in cohort)
    address, fetch = community.fetch_from(settings.load(None), service)
    kept = community.latest(address, fetch, directory=_directory())
    if kept.trouble is not None:
        click.echo(f"probe: {address} can't be asked now ({kept.trouble}): as of {_day(kept.as_of)}", err=True)
    comparison = compared(runs, kept.release, facts)
    if form == "json":
        click.echo(comparison.model_dump_json(indent=2))
    elif comparison.week is None:
        click.echo(f"No baseline yet: {address} has published none, since too few clusters report to it.")
    else:
        print_tables(comparison.standings, _table, _remarks(comparison))


def _facts(run: RunResult) -> dict[str, str]:
    model = run.environment.get("machine_model")
    return facts_of(run, provider_of(str(model)) if run.target == "local" and model is not None else None)


def _given(text: str) -> tuple[str, str]:
    name, equals, word = text.partition("=")
    if not equals or name not in {*FACTS, STORAGE_KIND}:
        raise InvalidRequest(f"--cohort {text}: write NAME=WORD, with a name of {', '.join((*FACTS, STORAGE_KIND))}")
    known = _WORDS.get(name)
    if known is not None and word not in known:
        raise InvalidRequest(f"--cohort {text}: {name} is one of {', '.join(known)}")
    return name, word


def _directory() -> Path:
    """Return where baselines are kept between two questions."""
    cache = xdg.directory(xdg.Purpose.CACHE, os.environ)
    if cache is None:
        raise Unavailable("no home directory for baselines: set HOME or XDG_CACHE_HOME")
    return cache / "prism-probe" / "baselines"


def _table(probe: str, standings: Sequence[Standing], width: int) -> ProbeTable:
    table = ProbeTable(probe, _COLUMNS, width)
    for each in standings:
        table.add_row(
            each.title,
            format_quantity(each.value, each.unit),
            format_quantity(each.percentiles["p50"], each.unit),
            *_shares(each),
            f"{each.contributors}+ {_words(each)}",
        )
    return table


def _shares(standing: Standing) -> tuple[str, str]:
    """The share of the cohort that is worse; where no direction is better, the share that is below."""
    share, low, high = standing.share_below, standing.low, standing.high
    if standing.better is Better.LOWER:
        share, low, high = None if share is None else 1 - share, 1 - high, 1 - low
    above = " (above)" if standing.better is Better.NEITHER else ""
    return "" if share is None else f"{share:.0%}{above}", f"{low:.0%} … {high:.0%}"


def _words(standing: Standing) -> str:
    named = {**standing.cohort}
    if "node_bucket" in named:
        named["node_bucket"] += " nodes"
    return ", ".join(named.values()) or "all clusters"


def _remarks(comparison: CommunityComparison) -> Iterable[Text]:
    older = sorted({each.week for each in comparison.standings if each.week != comparison.week})
    told = f"{comparison.week}, and of {older[0]} on for cohorts that have hardly changed" if older else comparison.week
    yield remark("baseline", f"of {told}; a cohort has at least as many clusters as told")
    missing = [name for name in FACTS if name not in comparison.facts]
    if missing:
        yield remark("not known", f"{', '.join(missing)}: --cohort NAME=WORD may find a closer cohort")
    reasons: dict[str, list[str]] = {}
    for each in comparison.unplaced:
        reasons.setdefault(each.reason, []).append(f"{each.probe}, {each.title}")
    for reason, titles in reasons.items():
        more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
        yield remark("no answer", f"{titles[0]}{more}: {reason}")


def _day(when: datetime) -> str:
    return when.date().isoformat()
