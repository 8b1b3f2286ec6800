"""The probes as benchmarks of pytest-benchmark: a regression check of the machine that they run on.

    pytest benchmarks/test_probes.py --benchmark-autosave
    pytest benchmarks/test_probes.py --benchmark-compare --benchmark-compare-fail=median:10%

A probe measures once, interleaved and warmed up as always, and each of its rounds is a round of a benchmark: the
benchmarks' clock is not the wall's but what the probe timed. A process that fio takes to start is in no figure, and
the figures are those of `probe run --export pytest-benchmark`.
"""

from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from agent.export.pytest_benchmark import seconds_of
from probes.measure.result import ProbeResult, Status

# What is a time or a rate; shares and counts are left to `probe compare`, which knows their direction.
METRICS = {
    "storage": (
        "read_latency", "write_latency", "loaded_read_latency", "loaded_write_latency", "fsync_latency",
        "read_iops", "write_iops", "read_throughput", "write_throughput", "mixed_read_iops", "mixed_write_iops",
    ),
    "latency": (
        "request_response_64b", "request_response_1024b", "open_loop_64b", "connect", "connect_request_response_64b",
    ),
    "throughput": ("send_1_stream", "receive_1_stream", "send_8_streams", "receive_8_streams", "udp_jitter"),
    # A name that is not found has only the time it took to fail; such a benchmark is skipped where it is.
    "dns": tuple(f"name_{number}_{kind}" for number in (1, 2) for kind in ("cold", "repeated", "failed")),
    "startup": ("exec", "process_start", "interpreter_start", "service_start"),
}  # fmt: skip

# A probe of the thorough profile takes many minutes; the runner has a deadline of its own.
pytestmark = pytest.mark.timeout(0)


class RoundClock:
    """Shows the seconds that all rounds so far have taken."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self) -> float:
        """Read it, as pytest-benchmark does before and after each round."""
        return self._seconds

    def replay(self, rounds: Iterator[float]) -> None:
        """Let the next round pass."""
        self._seconds += next(rounds)


clock = RoundClock()


@pytest.mark.benchmark(timer=clock)
@pytest.mark.parametrize(
    ("probe", "name"),
    [pytest.param(probe, name, id=f"{probe}.{name}") for probe, names in METRICS.items() for name in names],
)
def test_metric(benchmark: BenchmarkFixture, measured: Callable[[str], ProbeResult], probe: str, name: str) -> None:
    result = measured(probe)
    if result.status is Status.UNAVAILABLE:
        pytest.skip(str(result.reason))
    metric = next((metric for metric in result.metrics if metric.name == name), None)
    seconds = None if metric is None else seconds_of(metric)
    if metric is None or seconds is None:
        pytest.skip(f"{probe} brought no {name} this time")
    benchmark.group = f"{probe}: {metric.title}"
    benchmark.extra_info |= {
        "unit": metric.unit.value,
        "conditions": metric.conditions,
        "flags": [flag.code.value for flag in (*metric.flags, *result.flags)],
    }
    benchmark.pedantic(clock.replay, args=(iter(seconds.tolist()),), rounds=seconds.size)


@pytest.mark.parametrize("probe", list(METRICS))
def test_no_metric_with_a_time_is_missing_here(measured: Callable[[str], ProbeResult], probe: str) -> None:
    timed = {metric.name for metric in measured(probe).metrics if seconds_of(metric) is not None}
    assert timed <= set(METRICS[probe])
