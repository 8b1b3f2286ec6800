import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2.0),
        ("500m", 0.5),
        ("126150208n", 0.126150208),
        ("1125064Ki", 1125064 * 1024.0),
        ("265142110657", 265142110657.0),
        ("4Gi", 4 * 1024.0**3),
        ("1G", 1e9),
        ("1e3", 1000.0),
        ("2E", 2e18),
        (".5", 0.5),
        ("-1", -1.0),
    ],
)
def test_a_quantity_is_the_number_that_it_stands_for(text: str, number: float) -> None:
    assert quantity.parse(text) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize("text", ["", "a lot", "1KB", "1 Gi", "Gi", "0x10", "1e"])
def test_what_is_no_quantity_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        quantity.parse(text)


@pytest.mark.parametrize("text", ["1e400", "1e999999", "1e99999999999999999999", "\u0661"])
def test_what_no_number_holds_is_a_value_error_and_no_infinity(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        quantity.parse(text)


@given(st.integers(min_value=0, max_value=1 << 53))
def test_sizes_come_back_without_loss(size_bytes: int) -> None:
    assert quantity.parse(quantity.size(size_bytes)) == size_bytes


@given(st.floats(min_value=0.001, max_value=1000))
def test_cores_come_back_to_the_thousandth(cores: float) -> None:
    assert abs(quantity.parse(quantity.cpu(cores)) - cores) <= 0.0005 + 1e-9
