"""Amounts that no cluster can mean are refused, each by itself."""

import pytest

from agent.collect.quantities import number


@pytest.mark.parametrize("text", ["1e999", "1e300", "1e-30", "-1", "9" * 65, "\u0661"])
def test_an_amount_that_no_cluster_can_mean_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        number(text)


@pytest.mark.parametrize(("text", "amount"), [("", 0.0), ("0", 0.0), ("1n", 1e-9), ("8E", 8e18), ("64Mi", 2.0**26)])
def test_an_amount_at_the_edge_is_taken(text: str, amount: float) -> None:
    assert number(text) == pytest.approx(amount)
