import pytest

from jobs.duration import parse


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.5s", 1.5),
        ("1m2.5s", 62.5),
        ("1h0m1s", 3601.0),
        ("250ms", 0.25),
        ("15.004s", 15.004),
        ("17µs", 17e-6),
        ("5", None),
        ("", None),
        ("1s!", None),
    ],
)
def test_durations_are_read_as_go_prints_them(text: str, seconds: float | None) -> None:
    assert parse(text) == (None if seconds is None else pytest.approx(seconds))
