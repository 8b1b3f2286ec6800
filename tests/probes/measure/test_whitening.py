import math

import numpy as np
import numpy.typing as npt
import pytest

from probes.measure.whitening import autocorrelation, centered_ranks, whiten


def _autocorrelated(phi: float, length: int = 5000) -> npt.NDArray[np.float64]:
    values = np.random.default_rng(1).standard_normal(length)
    for t in range(1, length):
        values[t] = phi * values[t - 1] + math.sqrt(1 - phi**2) * values[t]
    return values


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6, 0.9])
def test_the_autocorrelation_is_estimated_whatever_the_scale_of_the_values(phi: float) -> None:
    values = _autocorrelated(phi)
    for scaled in (values, np.exp(values), values**3):
        estimate, error = autocorrelation(scaled, [0, scaled.size])
        assert abs(estimate - phi) < 4 * error
        assert error < 0.02


def test_a_change_of_level_does_not_pass_for_autocorrelation() -> None:
    values = _autocorrelated(0.0) + 10 * (np.arange(5000) >= 2000)
    assert autocorrelation(values, [0, 5000])[0] > 0.7
    assert abs(autocorrelation(values, [0, 2000, 5000])[0]) < 0.05


def test_whitening_by_the_true_coefficient_leaves_no_autocorrelation_and_one_variance() -> None:
    (whitened,) = whiten(_autocorrelated(0.6), np.array([0.6]))
    assert abs(np.corrcoef(whitened[1:], whitened[:-1])[0, 1]) < 0.03
    assert whitened.var() == pytest.approx(1 - 0.6**2, rel=0.05)


def test_values_without_spread_have_no_autocorrelation() -> None:
    assert autocorrelation(np.full(100, 7.0), [0, 100])[0] < 0.05


def test_ranks_are_centered_and_ties_share_theirs() -> None:
    assert centered_ranks(np.array([5.0, 1.0, 5.0, 9.0])).tolist() == [0.0, -3.0, 0.0, 3.0]
