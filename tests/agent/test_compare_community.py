"""`probe compare --baseline community`: one download of the same file for all, and a comparison on this machine."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from agent.results.cohort import STORAGE_KIND, compared, facts_of
from probes.measure.baselines import EMPTY, CohortBaseline, MetricBaseline, Release, Scale
from probes.measure.metric import Description, from_samples
from probes.measure.result import Better, ProbeResult, RunResult, Status
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit


def run_of(value: float, *, target: str = "local", flags: tuple[Flag, ...] = (), **conditions: Any) -> RunResult:
    """A run whose one latency has a median of `value` nanoseconds, within 1 %."""
    rng = np.random.default_rng(1)
    where = "".join(f"_{word}" for word in conditions.values())
    described = Description(
        name=f"read_latency{where}",
        title="random read latency",
        unit=Unit.NANOSECONDS,
        better=Better.LOWER,
        conditions=conditions,
    )
    metric = from_samples(described, [value * rng.lognormal(0, 0.001, 400) for _ in range(6)])
    metric = metric.model_copy(update={"flags": (*metric.flags, *flags)})
    return RunResult(
        run_id=UUID(int=1),
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_seconds=1.0,
        version="0.1.0",
        profile="quick",
        target=target,
        environment={"machine_model": "Amazon EC2 t3.large"} if target == "local" else CLUSTER,
        results=(ProbeResult(probe="storage", status=Status.MEASURED, spec={"profile": "quick"}, metrics=(metric,)),),
    )


CLUSTER: dict[str, bool | int | float | str] = {"kubernetes_version": "v1.33.4+k3s1", "nodes": 7}


def release(place: str = "quick") -> Release:
    """Cohorts whose percentiles are 50, 100 and 200 µs; the finer one is ten times as fast."""

    def cohort(rung: int, words: tuple[str, ...], factor: float) -> CohortBaseline:
        spread = {"p25": 50e3, "p50": 100e3, "p75": 200e3}
        indexes = {name: int(np.ceil(np.log(value * factor) / np.log(1.02))) for name, value in spread.items()}
        return CohortBaseline(rung=rung, cohort=words, week="2026-W47", contributors=40, percentiles=indexes)

    metric = MetricBaseline(
        metric="storage.read_latency",
        place=place,
        scale=Scale.LOGARITHMIC,
        first=-697,
        last=1745,
        cohorts=(cohort(4, (), 1.0), cohort(2, ("aws", "0-4"), 0.1)),
    )
    return Release(week="2026-W47", metrics=(metric,))


class Service:
    """Serves one release, and keeps what it was asked."""

    def __init__(self) -> None:
        self.body = release().model_dump_json().encode()
        self.asked: list[dict[str, str]] = []
        self.url = ""


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            self.send_response(200)
            self.send_header("ETag", f'"{len(state.asked)}"')
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  http.server's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{served.server_port}"
        yield state
        served.shutdown()
        thread.join()


@pytest.fixture
def compare(probe: Any, tmp_path: Path) -> Any:
    (tmp_path / "run.json").write_text(run_of(10e3).model_dump_json())

    def run(*arguments: str, env: dict[str, str] | None = None) -> Any:
        own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), **(env or {})}
        return probe("compare", "run.json", "--baseline", "community", *arguments, env=own)

    return run


def test_a_result_is_told_where_it_stands_and_among_whom(compare: Any, service: Service) -> None:
    shown = compare("--service", service.url)
    assert shown.returncode == 0, shown.stderr
    assert "10.0 µs" in shown.stdout
    assert "50%" in shown.stdout
    assert "40+ aws, 0-4 nodes" in shown.stdout
    assert "2026-W47" in shown.stdout


def test_nothing_but_a_request_for_the_same_file_leaves(compare: Any, service: Service) -> None:
    compare("--service", service.url, "--cohort", "provider=gcp")
    (asked,) = service.asked
    assert asked["path"] == "/v1/baselines"
    assert asked.keys() <= {"path", "host", "accept", "accept-encoding", "user-agent", "connection", "content-length"}


def test_no_baseline_yet_is_an_answer(compare: Any, service: Service) -> None:
    service.body = EMPTY.model_dump_json().encode()
    shown = compare("--service", service.url)
    assert shown.returncode == 0, shown.stderr
    assert "No baseline yet" in shown.stdout
    as_json = json.loads(compare("--service", service.url, "--format", "json").stdout)
    assert (as_json["week"], as_json["standings"]) == (None, [])


def test_a_download_serves_for_a_week_even_without_the_service(compare: Any, service: Service) -> None:
    first = compare("--service", service.url)
    assert compare("--service", service.url).stdout == first.stdout
    assert len(service.asked) == 1


def test_after_a_week_it_is_fetched_anew_by_the_same_request(compare: Any, service: Service, tmp_path: Path) -> None:
    compare("--service", service.url)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    content = json.loads(kept.read_text())
    kept.write_text(json.dumps(content | {"fetched_at": "2026-01-01T00:00:00+00:00"}))
    assert compare("--service", service.url).returncode == 0
    first, second = service.asked
    assert first == second


def test_what_is_kept_answers_where_the_service_can_not(compare: Any, service: Service, tmp_path: Path) -> None:
    compare("--service", service.url)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"fetched_at": "2026-01-01T00:00:00+00:00"}))
    service.body = b"<html>"
    shown = compare("--service", service.url)
    assert shown.returncode == 0
    assert "as of 2026-01-01" in shown.stderr
    assert "40+ aws" in shown.stdout


def test_where_there_is_neither_one_line_says_so(compare: Any) -> None:
    refused = compare("--service", "http://127.0.0.1:1")
    assert refused.returncode == 3
    assert refused.stderr.count("\n") == 1
    assert "unreachable" in refused.stderr


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"format":"prism-baselines","version":2}'])
def test_what_is_no_release_is_not_kept(compare: Any, service: Service, body: bytes, tmp_path: Path) -> None:
    service.body = body
    refused = compare("--service", service.url)
    assert refused.returncode == 3
    assert refused.stderr.count("\n") == 1
    assert list((tmp_path / "cache").rglob("*.json")) == []


def test_do_not_track_stops_the_download(compare: Any, service: Service) -> None:
    refused = compare("--service", service.url, env={"DO_NOT_TRACK": "1"})
    assert refused.returncode == 3
    assert "DO_NOT_TRACK" in refused.stderr
    assert service.asked == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fail-on", "10%"),
        ("--cohort", "provider"),
        ("--cohort", "color=red"),
        ("--cohort", "provider=acme"),
        ("--service", "http://example.org"),
    ],
)
def test_wrong_usage_is_refused(compare: Any, arguments: tuple[str, ...]) -> None:
    refused = compare(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def test_the_options_of_the_community_need_it(probe: Any) -> None:
    assert probe("compare", "a.json", "b.json", "--cohort", "provider=aws").returncode == 2


def test_a_run_tells_what_it_is_compared_by() -> None:
    assert facts_of(run_of(1e3), "aws") == {"provider": "aws", "node_bucket": "0-4"}
    assert facts_of(run_of(1e3, target="cluster"), None) == {"minor": "1.33", "node_bucket": "5-15"}


def test_without_the_finer_facts_a_coarser_cohort_answers() -> None:
    (standing,) = compared([run_of(100e3)], release(), {}).standings
    assert (standing.rung, standing.cohort, standing.share_below) == (4, {}, 0.5)


def test_beyond_the_outermost_percentile_there_is_a_bound_only() -> None:
    (standing,) = compared([run_of(900e3)], release(), {}).standings
    assert standing.share_below is None
    assert 0.5 < standing.low < 0.75
    assert standing.high == 1.0


def test_a_storage_class_needs_its_kind() -> None:
    run = run_of(100e3, target="cluster", storage_class="fast")
    (unplaced,) = compared([run], release("quick/aws_ebs"), {}).unplaced
    assert "kind of its storage class" in unplaced.reason
    (standing,) = compared([run], release("quick/aws_ebs"), {STORAGE_KIND: "aws_ebs"}).standings
    assert standing.share_below == 0.5


def test_a_value_of_the_cache_is_not_compared() -> None:
    flag = Flag(code=FlagCode.CACHED, reason="read from memory")
    comparison = compared([run_of(100e3, flags=(flag,))], release(), {})
    assert comparison.standings == ()
    assert "cached" in comparison.unplaced[0].reason


def test_of_several_runs_the_spread_is_the_interval() -> None:
    (one,) = compared([run_of(100e3)], release(), {}).standings
    (several,) = compared([run_of(value) for value in (40e3, 100e3, 300e3)], release(), {}).standings
    assert several.value == one.value
    assert several.low < one.low
    assert several.high > one.high
