"""How often the 95 % intervals of the thorough profiles hold the truth, though they end once these are narrow enough.

    python benchmarks/intervals.py [--trials 10000]

Rounds are drawn from noise whose median is 1, under the rule by which each probe ends, for one metric alone. A probe
with several metrics ends when the last one is narrow enough, so that most of its intervals come closer to the 95 %.
"""

import argparse
from collections.abc import Callable

import numpy as np

from probes import dns, latency, startup, storage_metrics, throughput
from probes.catalogue import load
from probes.measure.stability import narrow_enough, steady_state
from probes.measure.summary import IntervalMethod, SortedValues, order_statistic_interval
from probes.probe import Profile

SEED = 20_261_125
NARROW = {
    "storage": storage_metrics._NARROW,  # noqa: SLF001  the probe's own, or the table would tell of another
    "latency": latency._NARROW,  # noqa: SLF001  likewise
    "throughput": throughput._NARROW,  # noqa: SLF001  likewise
    "dns": dns._NARROW,  # noqa: SLF001  likewise
    "startup": startup._NARROW,  # noqa: SLF001  likewise
}
NOISE: dict[str, Callable[[np.random.Generator], float]] = {
    "normal, 2 %": lambda rng: 1 + 0.02 * rng.standard_normal(),
    "normal, 5 %": lambda rng: 1 + 0.05 * rng.standard_normal(),
    "log-normal, 5 %": lambda rng: float(np.exp(0.05 * rng.standard_normal())),
    "log-normal, 15 %": lambda rng: float(np.exp(0.15 * rng.standard_normal())),
}


def rounds(draw: Callable[[], float], probe: str, fewest: int, most: int) -> list[float]:
    """Draw the values of one run's rounds until the probe would end."""
    values: list[float] = []
    while len(values) < most:
        values.append(draw())
        steady = probe != "storage" or steady_state(values).steady
        if len(values) >= fewest and steady and narrow_enough(values, NARROW[probe]):
            break
    return values


def covers(values: list[float]) -> bool:
    """Tell whether the interval of the median holds the truth."""
    interval = order_statistic_interval(SortedValues(values), 0.5, IntervalMethod.ROUNDS)
    return interval is not None and interval.low <= 1 <= interval.high


def main() -> None:
    """Print a row for each probe and noise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    trials = parser.parse_args().trials
    rng = np.random.default_rng(SEED)
    print("| probe | rounds | noise of rounds | mean rounds | intervals that hold the truth |\n|---|--:|---|--:|--:|")
    for probe in NARROW:
        spec = load(probe).spec(Profile.THOROUGH, {}).model_dump()
        fewest, most = spec["minimum_rounds"], spec["maximum_rounds"]
        for name, draw in NOISE.items():
            runs = [rounds(lambda draw=draw: draw(rng), probe, fewest, most) for _ in range(trials)]
            mean, covered = np.mean([len(run) for run in runs]), np.mean([covers(run) for run in runs])
            print(f"| {probe} | {fewest} to {most} | {name} | {mean:.1f} | {covered:.1%} |", flush=True)


if __name__ == "__main__":
    main()
