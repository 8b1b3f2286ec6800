"""Of a zone only this leaves: whether two measured nodes share one. Its name is in nothing that a run makes."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.results.merge import merge
from agent.wire.facts import Facts
from jobs.collect import Collected
from jobs.merge import merged
from jobs.objects import Node
from jobs.plan import plan
from jobs.step import Measure
from probes.measure.metric import Description, from_samples
from probes.measure.result import Better, ProbeResult, RunResult, Status
from probes.measure.units import Unit
from tests.agent.privacy.canaries import CANARIES, leaks
from tests.jobs.factories import SECONDS, node, request

PROBES = ("latency", "throughput")
# How nodes lie together, as indices of names; -1 has none.
layouts = st.lists(st.integers(-1, 3), min_size=2, max_size=5)
names = st.lists(st.text(min_size=1, max_size=20), min_size=4, max_size=4, unique=True)


def zoned(layout: Sequence[int], zones: Sequence[str]) -> list[Node]:
    return [node(f"n{number}", zone="" if zone < 0 else zones[zone % len(zones)]) for number, zone in enumerate(layout)]


def run_of(nodes: Sequence[Node]) -> tuple[str, bytes]:
    """Return what a run over these nodes makes (its steps and its result), and the document that leaves of it."""
    steps = plan(request(*PROBES), nodes=nodes, classes=[], seconds=SECONDS).steps
    results = tuple(
        merged(
            probe, [_brought(step) for step in steps if isinstance(step, Measure) and step.probe == probe]
        ) for probe in PROBES
    )  # fmt: skip
    run = RunResult(
        run_id=uuid.UUID(int=1),
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        duration_seconds=1,
        version="1",
        profile="quick",
        target="cluster",
        environment={},
        results=results,
    )
    (outgoing,) = anonymize(
        merge(Facts(), run),
        level=Level.DETAILED,
        data_types=frozenset(DataType),
        keys=Keys(bytes(32)),
        day=date(2026, 11, 24),
        chance=lambda: 0.5,
    )
    return f"{steps}{run.model_dump_json()}", outgoing.body


def _brought(step: Measure) -> Collected:
    name = {"latency": "request_response_64b", "throughput": "send_1_stream"}[step.probe]
    described = Description(name=name, title=name, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions={})
    metric = from_samples(described, [np.array([1e5, 2e5])])
    result = ProbeResult(probe=step.probe, status=Status.MEASURED, spec={}, metrics=(metric,))
    return Collected(result=result, what=step.what)


def paths(body: bytes, probe: str) -> set[str]:
    return {row["path"] for row in json.loads(body)["benchmarks"][probe]}


def test_no_name_of_a_zone_is_in_what_a_run_makes_or_in_what_leaves() -> None:
    nodes = zoned(range(len(CANARIES)), CANARIES) + zoned(range(len(CANARIES)), CANARIES)
    assert leaks(repr(nodes)), "the search would find them"
    made, body = run_of([node(f"n{number}", zone=each.zone) for number, each in enumerate(nodes)])
    assert leaks(made) == []
    assert leaks(body) == []
    assert {"same_node", "other_zone", "service"} <= paths(body, "latency")


@given(layouts, names, names)
@settings(max_examples=40, deadline=None)
def test_zones_by_any_other_names_give_the_same_bytes(layout: list[int], one: list[str], other: list[str]) -> None:
    assert run_of(zoned(layout, one)) == run_of(zoned(layout, other))


def test_a_document_tells_whether_a_measured_pair_shares_a_zone() -> None:
    for layout, expected in (
        ((0, 0), {"same_zone"}),
        ((0, 1), {"other_zone"}),
        ((0, -1), {"other_node"}),
        ((0, 0, 1, -1), {"same_zone", "other_zone", "other_node"}),
    ):
        _, body = run_of(zoned(layout, CANARIES))
        for probe in PROBES:
            assert paths(body, probe) == {"same_node", "service"} | expected
