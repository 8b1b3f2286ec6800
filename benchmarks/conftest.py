"""Options of the benchmarks, and one measurement of each probe for all its metrics."""

from collections.abc import Callable
from functools import cache

import pytest

from probes.measure.result import ProbeResult
from probes.probe import Profile
from probes.runner import prepare, run_probe


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("probes", "what the benchmarks in benchmarks/test_probes.py measure")
    group.addoption("--probe-profile", choices=list(Profile), default=Profile.QUICK.value, help="default: quick")
    group.addoption("--probe-path", metavar="DIR", help="storage: the directory whose disk to measure")
    group.addoption("--probe-server", metavar="HOST", help="latency, throughput: the machine that runs `probe serve`")


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest) -> Callable[[str], ProbeResult]:
    """Measure a probe as `probe run` does, in a process of its own; once in a session."""
    profile = Profile(request.config.getoption("--probe-profile"))
    path, server = (request.config.getoption(option) for option in ("--probe-path", "--probe-server"))
    options: dict[str, dict[str, object]] = {
        "storage": {"path": path} if path else {},
        "latency": {"server": server} if server else {},
        "throughput": {"server": server} if server else {},
    }

    @cache
    def measure(name: str) -> ProbeResult:
        return run_probe(prepare(name, profile, options.get(name, {})), lambda _name, _kind: None)

    return measure
