import numpy as np
import pytest

from probes.measure.place import locate


@pytest.mark.parametrize("height", [-20.0, 20.0])
@pytest.mark.parametrize("guess", [25, 30, 36])
def test_a_clear_change_is_placed_exactly_from_a_guess_nearby(height: float, guess: int) -> None:
    values = np.random.default_rng(1).standard_normal(80) + height * (np.arange(80) >= 30)
    place, earliest, latest = locate(values, guess, 5)
    assert place == 30
    assert earliest <= 30 <= latest


def test_an_outlier_does_not_draw_the_place() -> None:
    values = np.random.default_rng(2).standard_normal(80) + 6 * (np.arange(80) >= 40)
    values[[10, 60]] = 1e6, -1e6
    assert abs(locate(values, 40, 5)[0] - 40) <= 1


def test_the_place_leaves_room_for_the_shortest_segment() -> None:
    values = np.random.default_rng(3).standard_normal(60) + 9 * (np.arange(60) >= 3)
    place, earliest, latest = locate(values, 10, 10)
    assert 10 <= earliest <= place <= latest <= 50


def test_the_interval_holds_the_true_place_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(400):
        values = rng.standard_normal(80) + 1.5 * (np.arange(80) >= 40)
        _, earliest, latest = locate(values, 40, 5)
        held += earliest <= 40 <= latest
    assert held >= 0.93 * 400


def test_values_without_any_change_could_have_changed_anywhere() -> None:
    place, earliest, latest = locate(np.full(60, 2.0), 20, 5)
    assert place == 30
    assert latest - earliest > 40
