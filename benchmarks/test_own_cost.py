"""What our own code costs: the kernel on inputs of the size that probes bring, and the history.

pytest benchmarks/test_own_cost.py
"""

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from agent.export import EXPORTERS
from agent.results.history import History
from agent.results.history_file import opened
from probes.measure.changepoint import find_changes
from probes.measure.compare import compare
from probes.measure.histogram import Histogram
from probes.measure.result import RunResult, read_results
from probes.measure.summary import summarize_samples
from tests.probes.measure.synthetic import latency, noisy, rate, result, run

ROUNDS, SAMPLES_A_ROUND = 6, 20_000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def typical(rng: np.random.Generator) -> RunResult:
    """A run of twenty metrics, half of them with samples."""
    latencies = (
        latency(f"latency_{number}", [rng.lognormal(11, 0.3, 2_000) for _ in range(ROUNDS)]) for number in range(10)
    )
    rates = (rate(f"rate_{number}", noisy(rng, ROUNDS)) for number in range(10))
    return run(result(*latencies, *rates))


def test_counting_a_million_samples(benchmark: BenchmarkFixture, rng: np.random.Generator) -> None:
    samples = rng.lognormal(11, 0.5, 1_000_000)
    assert benchmark(Histogram.of, samples).count == samples.size


def test_merging_a_thousand_histograms(benchmark: BenchmarkFixture, rng: np.random.Generator) -> None:
    parts = [Histogram.of(rng.lognormal(11, 0.5, 1_000)) for _ in range(1_000)]
    assert benchmark(Histogram.merged, parts).count == 1_000_000


def test_summarizing_a_latency_probe(benchmark: BenchmarkFixture, rng: np.random.Generator) -> None:
    rounds = [rng.lognormal(11, 0.3, SAMPLES_A_ROUND) for _ in range(ROUNDS)]
    assert benchmark(summarize_samples, rounds).count == ROUNDS * SAMPLES_A_ROUND


def test_comparing_eight_runs_with_eight(benchmark: BenchmarkFixture, typical: RunResult) -> None:
    runs = [read_results(again(typical, number)) for number in range(16)]
    found = benchmark(lambda: compare(runs[:8], runs[8:], rng=np.random.default_rng(1)))
    assert len(found.metrics) == 20


def test_finding_changes_in_a_thousand_points(benchmark: BenchmarkFixture, rng: np.random.Generator) -> None:
    series = noisy(rng, 500) + noisy(rng, 500, center=110)
    changes = benchmark.pedantic(lambda: find_changes(series, rng=np.random.default_rng(1)), rounds=5)
    assert len(changes) == 1


def test_reading_a_result(benchmark: BenchmarkFixture, typical: RunResult) -> None:
    assert benchmark(read_results, typical.model_dump_json()) == typical


@pytest.mark.parametrize("name", list(EXPORTERS))
def test_exporting_a_result(benchmark: BenchmarkFixture, typical: RunResult, name: str) -> None:
    assert benchmark(EXPORTERS[name], typical)


def test_keeping_a_run(benchmark: BenchmarkFixture, typical: RunResult, tmp_path: Path) -> None:
    runs = (read_results(again(typical, number)) for number in range(1_000))

    def arguments() -> tuple[tuple[RunResult], dict[str, object]]:
        return (next(runs),), {}

    with opened(tmp_path / "history.sqlite3", create=True, tell=print) as connection:
        benchmark.pedantic(History(connection).keep, setup=arguments, rounds=100)


def test_opening_a_full_history(benchmark: BenchmarkFixture, typical: RunResult, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with opened(path, create=True, tell=print) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for number in range(1_000):
            History(connection).keep(read_results(again(typical, number)))

    def count() -> int:
        with opened(path, create=False, tell=print) as connection:
            return len(History(connection).runs())

    assert benchmark(count) == 1_000


def again(run: RunResult, number: int) -> str:
    """Return the JSON of the same run under another id."""
    identity = f"00000000-0000-4000-8000-{number:012x}"
    return run.model_dump_json().replace(str(run.run_id), identity)
