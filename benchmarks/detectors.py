"""Measure the detectors of change: false alarms, recall, run lengths, time and memory. Prints Markdown tables.

python benchmarks/detectors.py [--series 1000] [--calibrate]
"""

import argparse
import math
import multiprocessing
import resource
import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from e_divisive import e_divisive

from probes.measure.changepoint import find_changes
from probes.measure.early_warning import THRESHOLDS, begin, calibrate, first_alarm, run_length

SEED = 20_240_601
LENGTH = 100
ALPHAS = (0.05, 0.01, 0.001)
TOLERANCE = 5
STEP = 1.5
AUTOCORRELATION = 0.6
LEVEL = 10.0  # of the values; the noise's standard deviation is 1

Floats = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, int]], Floats]
Shape = Callable[[Floats], Floats]


def gaussian(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.standard_normal(shape)


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.lognormal(size=shape) / math.sqrt((math.e - 1) * math.e)


def spikes(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return base_spikes(rng, shape) / math.sqrt(1 + 100 * 0.02 * 0.98)


def base_spikes(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Scale to the noise without the spikes, which are the harder steps."""
    return rng.standard_normal(shape) + 10 * (rng.random(shape) < 0.02)


def autoregressive(rng: np.random.Generator, shape: tuple[int, int], coefficient: float = AUTOCORRELATION) -> Floats:
    values = rng.standard_normal(shape)
    for place in range(1, shape[1]):
        innovation = values[:, place] * math.sqrt(1 - coefficient**2)
        values[:, place] = coefficient * values[:, place - 1] + innovation
    return values


def slow_and_white(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """A slow movement under as much white noise, as of a drifting machine measured inexactly."""
    return (autoregressive(rng, shape, 0.7) + gaussian(rng, shape)) / math.sqrt(2)


NOISES: dict[str, Noise] = {
    "Gaussian": gaussian,
    "lognormal, shape 1": lognormal,
    "2 % spikes of 10 σ": spikes,
    "AR(1), 0.6": autoregressive,
}
# What the detector makes no promise for.
BEYOND: dict[str, Noise] = {
    "AR(1), 0.8": partial(autoregressive, coefficient=0.8),
    "AR(1), 0.9": partial(autoregressive, coefficient=0.9),
    "AR(1), 0.7, and as much white": slow_and_white,
}
STEPS = NOISES | {"2 % spikes, σ of the base": base_spikes}


def attainable(series: Floats, places: npt.NDArray[np.int64], coefficient: float) -> float:
    """The best recall of any one guess: told both levels, the noise, and that there is one change.

    It takes the place with the most posterior probability within the tolerance.
    """
    splits = np.arange(1, series.shape[1])
    levels = STEP * (np.arange(series.shape[1]) >= splits[:, np.newaxis])
    spread = math.sqrt(1 - coefficient**2)

    def innovations(rows: Floats) -> Floats:
        following = (rows[:, 1:] - coefficient * rows[:, :-1]) / spread
        return np.concatenate((rows[:, :1], following), axis=1)

    seen, expected = innovations(series - LEVEL), innovations(levels)
    log_likelihood = seen @ expected.T - (expected**2).sum(axis=1) / 2
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    share = np.pad(np.cumsum(likelihood, axis=1), ((0, 0), (TOLERANCE + 1, 0)))
    share = np.pad(share, ((0, 0), (0, TOLERANCE)), mode="edge")
    width = 2 * TOLERANCE + 1
    best = splits[np.argmax(share[:, width:] - share[:, :-width], axis=1)]
    return float((np.abs(best - places) <= TOLERANCE).mean())


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def header(*cells: str) -> list[str]:
    return ["", row(*cells), row(*["---"] * len(cells))]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def chance_limit(series: int, alpha: float) -> int:
    """The largest count that a detector at exactly this level exceeds in at most 5 % of benchmarks."""
    chance, count = (1 - alpha) ** series, 0
    total = chance
    while total < 0.95:
        chance *= (series - count) / (count + 1) * alpha / (1 - alpha)
        count += 1
        total += chance
    return count


def false_alarms(task: tuple[str, int]) -> list[str]:
    name, series = task
    noises = NOISES | BEYOND
    rng = np.random.default_rng([SEED, 1, list(noises).index(name)])
    values = LEVEL + noises[name](rng, (series, LENGTH))
    rows = []
    for alpha in ALPHAS:
        ours = sum(bool(find_changes(one, alpha=alpha, minimum_effect=0, minimum_shift=0, rng=rng)) for one in values)
        plain = sum(bool(e_divisive(one, alpha)) for one in values)
        limit = percent(chance_limit(series, alpha) / series)
        rows.append(row(name, f"{100 * alpha:g} %", percent(ours / series), limit, percent(plain / series)))
    return rows


def recall(task: tuple[str, int]) -> list[str]:
    name, series = task
    rng = np.random.default_rng([SEED, 2, list(STEPS).index(name)])
    places = rng.integers(LENGTH // 3, LENGTH - LENGTH // 3 + 1, series)
    values = LEVEL + STEPS[name](rng, (series, LENGTH)) + STEP * (np.arange(LENGTH) >= places[:, np.newaxis])
    coefficients = {"Gaussian": 0.0, "AR(1), 0.6": AUTOCORRELATION}
    ceiling = percent(attainable(values, places, coefficients[name])) if name in coefficients else "–"
    rows = []
    for alpha in ALPHAS:
        found = covered = surplus = plain = plain_surplus = 0
        for one, place in zip(values, places, strict=True):
            changes = find_changes(one, alpha=alpha, rng=rng)
            near = [change for change in changes if abs(change.index - place) <= TOLERANCE]
            found += bool(near)
            surplus += len(changes) - bool(near)
            covered += any(change.earliest <= place <= change.latest for change in near)
            rivals = e_divisive(one, alpha)
            plain_near = any(abs(index - place) <= TOLERANCE for index in rivals)
            plain += plain_near
            plain_surplus += len(rivals) - plain_near
        ours = (percent(found / series), f"{surplus / series:.2f}", percent(covered / max(found, 1)))
        rival = (percent(plain / series), f"{plain_surplus / series:.2f}")
        rows.append(row(name, f"{100 * alpha:g} %", *ours, *rival, ceiling))
    return rows


def standing(height: float) -> Shape:
    return lambda t: height * (t >= 0.5)


SHAPES: dict[str, tuple[int, Shape, tuple[int, ...]]] = {
    **{
        f"one step of {height} σ in {length} values": (length, standing(height), (length // 2,))
        for height in (1.5, 3, 10)
        for length in (20, 30, 50, 200)
    },
    "2 σ up in the middle third of 99 values": (99, lambda t: 2.0 * ((t >= 1 / 3) & (t < 2 / 3)), (33, 66)),
    "3 σ up for 15 of 100 values": (100, lambda t: 3.0 * ((t >= 0.5) & (t < 0.65)), (50, 65)),
    "three steps of 2 σ in 200 values": (200, lambda t: 2.0 * np.floor(4 * t), (50, 100, 150)),
    "trend of 3 σ over 100 values": (100, lambda t: 3.0 * t, ()),
}


def shapes(task: tuple[str, int]) -> list[str]:
    """What else a series may hold: few values, a level that comes back, a staircase, a trend."""
    name, series = task
    length, shape, places = SHAPES[name]
    rng = np.random.default_rng([SEED, 3, list(SHAPES).index(name)])
    values = LEVEL + gaussian(rng, (series, length)) + shape(np.arange(length) / length)
    found = [find_changes(one, alpha=0.01, rng=rng) for one in values]
    hits = [any(abs(change.index - place) <= TOLERANCE for change in one) for one in found for place in places]
    mean = sum(len(one) for one in found) / series
    return [row(name, len(places), percent(sum(hits) / len(hits)) if hits else "–", f"{mean:.2f}")]


def run_lengths(task: tuple[str, int]) -> list[str]:
    """Run lengths of pure noise with windows of two lengths, and how soon a step is found."""
    name, series = task
    rows = []
    for average, window in ((100, 20), (300, 20), (300, 50), (1000, 50)):
        rng = np.random.default_rng([SEED, 4, list(NOISES).index(name), average, window])
        streams = partial(NOISES[name], rng)
        seen = run_length(THRESHOLDS[average], window, horizon=average, noise=streams, streams=4 * series)
        delays = [delay_quantiles(name, height, average, window, rng, series) for height in (1.5, 3.0)]
        rows.append(row(name, average, window, f"{seen:.0f}", *delays))
    return rows


def delay_quantiles(name: str, height: float, average: int, window: int, rng: np.random.Generator, series: int) -> str:
    """The median and the 90th percentile of the number of values from a step to the alarm."""
    delays = []
    for values in NOISES[name](rng, (series, window + 200)):
        watch = begin(values[:window], rising=True, average_run_length=average)
        place = first_alarm(watch, values[window:] + height)
        delays.append(math.inf if place is None else place + 1)
    return "{:.0f} / {:.0f}".format(*np.quantile(delays, [0.5, 0.9], method="inverted_cdf"))


def cost(alpha: float) -> str:
    """Time and peak memory of a call on 1000 values with three steps; run it in a process of its own."""
    rng = np.random.default_rng([SEED, 5])
    values = LEVEL + rng.standard_normal(1000) + 1.5 * np.repeat([0, 1, 0, 1], 250)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(5):
        start = time.process_time()
        found = find_changes(values, alpha=alpha, rng=rng)
        times.append(time.process_time() - start)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    tracemalloc.start()
    find_changes(values, alpha=alpha, rng=rng)
    peak_mib = tracemalloc.get_traced_memory()[1] / 2**20
    return row(
        f"{100 * alpha:g} %", len(found), f"{np.median(times):.2f} s", f"{max(times):.2f} s",
        f"{peak_mib:.0f} MiB", f"{grown_mib:.0f} MiB",
    )  # fmt: skip


def print_calibration() -> None:
    """Print what the constants of probes/measure/early_warning.py are taken from."""
    for average in (100, 300, 1000):
        for window in (20, 50, 100):
            streams = partial(lognormal, np.random.default_rng([SEED, 6, average, window]))
            threshold = calibrate(average, window, noise=streams, streams=20_000)
            print(f"{average}: {window}: {threshold:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1000, help="series for each figure")
    parser.add_argument("--calibrate", action="store_true", help="print the thresholds of the early warning instead")
    arguments = parser.parse_args()
    if arguments.calibrate:
        print_calibration()
        return
    tables = (
        (false_alarms, NOISES | BEYOND, ("noise", "alpha", "rank-CUSUM: false alarms", "chance limit",
                                         "E-divisive, t-test")),
        (recall, STEPS, ("noise", "alpha", f"rank-CUSUM: {STEP} σ within ±{TOLERANCE}", "surplus a series",
                         "interval covers", "E-divisive, t-test", "surplus a series", "attainable by one guess")),
        (shapes, SHAPES, ("series (alpha 1 %)", "changes", f"found within ±{TOLERANCE}", "found a series")),
        (run_lengths, NOISES, ("noise", "run length asked", "window", "run length seen",
                               "delay at 1.5 σ: median / 90 %", "delay at 3 σ: median / 90 %")),
    )  # fmt: skip
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for measure, names, columns in tables:
            print(*header(*columns), sep="\n")
            for rows in pool.imap(measure, [(name, arguments.series) for name in names]):
                print(*rows, sep="\n", flush=True)
    print(*header("alpha", "changes found", "CPU time, median of 5", "longest", "peak traced", "growth of the process"),
          sep="\n")  # fmt: skip
    for alpha in ALPHAS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(cost, (alpha,)), flush=True)


if __name__ == "__main__":
    main()
