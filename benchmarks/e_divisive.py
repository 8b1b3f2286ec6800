"""The rival of benchmarks/detectors.py: E-divisive with a t-test, as continuous benchmarking uses it."""

import math

import numpy as np
import numpy.typing as npt

SHORTEST = 5

Floats = npt.NDArray[np.float64]


def e_divisive(values: Floats, alpha: float) -> list[int]:
    """Return the places of changes, each significant at `alpha` by itself.

    Matteson & James 2014 (arXiv 1306.4933) for the statistic, exponent 1; Fleming et al. 2023 (Hunter, arXiv
    2301.03034) for a t-test in place of the permutations.
    """
    if values.size < 2 * SHORTEST:
        return []
    split = SHORTEST + int(np.argmax(divergences(values)))
    if t_test(values[:split], values[split:]) >= alpha:
        return []
    later = [split + index for index in e_divisive(values[split:], alpha)]
    return [*e_divisive(values[:split], alpha), split, *later]


def divergences(values: Floats) -> Floats:
    size = values.size
    distances = np.abs(values[:, np.newaxis] - values)
    corner = np.cumsum(np.cumsum(distances, axis=0), axis=1)
    before = np.arange(SHORTEST, size - SHORTEST + 1)
    after = size - before
    inside = corner[before - 1, before - 1]
    across = corner[before - 1, -1] - inside
    outside = corner[-1, -1] - inside - 2 * across
    energy = 2 * across / (before * after) - inside / (before * (before - 1)) - outside / (after * (after - 1))
    scaled: Floats = energy * before * after / size
    return scaled


def t_test(first: Floats, second: Floats) -> float:
    """Student's, two-sided; the density is integrated over the angle whose tangent is t/√freedom."""
    freedom = first.size + second.size - 2
    pooled = (first.var() * first.size + second.var() * second.size) / freedom
    t = abs(first.mean() - second.mean()) / math.sqrt(pooled * (1 / first.size + 1 / second.size))
    tail = np.cos(np.linspace(math.atan(t / math.sqrt(freedom)), math.pi / 2, 2001)) ** (freedom - 1)
    half = np.cos(np.linspace(0, math.pi / 2, 2001)) ** (freedom - 1)
    share = np.trapezoid(tail) / np.trapezoid(half)
    return float(share * (math.pi / 2 - math.atan(t / math.sqrt(freedom))) / (math.pi / 2))
