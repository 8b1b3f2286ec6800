"""How many runs it takes to find a change, or to exclude one."""

import math
from statistics import NormalDist

import numpy as np

from probes.measure.histogram import FloatArray
from probes.measure.significance import attained_level

# Of the Mann-Whitney test against the t-test at worst, whatever the distribution (Hodges & Lehmann 1956,
# doi:10.1214/aoms/1177728261). It is 0.955 for normal values; with that, real runs fell a point short of their power.
_RANK_EFFICIENCY = 0.864
# Of the median against the mean, for normal values.
_MEDIAN_EFFICIENCY = 2 / math.pi
# A spread seen in few runs is as often too small as too large. Planning with its upper 80 % limit keeps the promised
# power in four of five plans (Browne 1995, doi:10.1002/sim.4780141709).
_SPREAD_CONFIDENCE = 0.8


def planning_spread(first: FloatArray, second: FloatArray) -> float | None:
    """Return the upper limit of the standard deviation of log values within both groups; None below three values.

    All values are positive; a group of one value says nothing about the spread.
    """
    freedom = first.size + second.size - 2
    if freedom < 1:
        return None
    squares = sum(float(((logs - logs.mean()) ** 2).sum()) for logs in (np.log(first), np.log(second)))
    return math.sqrt(squares / _chi_square_quantile(1 - _SPREAD_CONFIDENCE, freedom))


def runs_to_reach(level: float) -> int:
    """Return the fewest runs a side at which the exact two-sided rank test can be significant at `level` at all."""
    runs = 1
    while 2 / math.comb(2 * runs, runs) > level:
        runs += 1
    return runs


def runs_to_detect(change: float, spread: float, *, level: float, power: float) -> int:
    """Return the runs a side that find a factor of 1 + `change` with probability `power` at a two-sided `level`.

    `spread` is the standard deviation of log values between runs. The formula of two normal samples with Guenther's
    term for unknown variance (1981, doi:10.1080/00031305.1981.10479363), at the level that the exact test attains,
    by the least efficiency of the rank test.
    """
    deviations = spread / math.log1p(change)
    runs = runs_to_reach(level)
    while True:
        reach = NormalDist().inv_cdf(1 - attained_level(runs, level) / 2)
        needed = (2 * ((reach + NormalDist().inv_cdf(power)) * deviations) ** 2 + reach**2 / 4) / _RANK_EFFICIENCY
        if runs >= needed:
            return runs
        # Once the test's p-values lie closely, what is needed no longer depends on the number of runs.
        runs = runs + 1 if attained_level(runs, level) < level else math.ceil(needed)


def runs_to_exclude(change: float, spread: float, *, confidence: float, power: float) -> int:
    """Return the runs a side that, where nothing changed, put the interval of the ratio within a factor 1 + `change`.

    The two one-sided tests of equivalence (Schuirmann 1987) on medians, both of which must succeed.
    """
    reach = NormalDist().inv_cdf((1 + confidence) / 2) + NormalDist().inv_cdf((1 + power) / 2)
    return math.ceil(2 * (reach * spread / math.log1p(change)) ** 2 / _MEDIAN_EFFICIENCY)


def _chi_square_quantile(q: float, freedom: int) -> float:
    """The approximation of Wilson & Hilferty 1931; within 2 % from two degrees of freedom for the q used here."""
    step = 2 / (9 * freedom)
    return float(freedom * (1 - step + NormalDist().inv_cdf(q) * math.sqrt(step)) ** 3)
