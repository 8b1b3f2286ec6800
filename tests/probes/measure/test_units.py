import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.measure.units import Unit, format_quantity, format_seconds, parse_duration, parse_size

PREFIXES = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096),
        ("4k", 4096),
        ("4KB", 4096),
        ("512MiB", 512 * 2**20),
        ("1G", 2**30),
        ("1.5GiB", 3 * 2**29),
        (" 2 tib ", 2**41),
        ("7b", 7),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_a_size_is_read_as_fio_reads_it(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "G", "-1G", "1X", "4iB", "1,5G", "0", "0.2", "1e9", "nan", "inf", "٣", "9" * 400, "9999999T", "1G1"]
)
def test_nonsense_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("500ms", 0.5), ("2m", 120), ("1.5", 1.5), ("1H", 3600), (" 7 s", 7)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-3s",
        "0",
        "0ms",
        "3 weeks",
        "1d",
        "30\N{LATIN SMALL LETTER LONG S}",
        "1e3",
        "nan",
        "8" * 18 + "h",
        "169h",
    ],
)
def test_nonsense_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.integers(1, 2**63 - 1))
def test_a_size_in_plain_bytes_is_read_exactly(size: int) -> None:
    assert parse_size(str(size)) == size


@given(st.integers(1, 2**42))
@example(1152)
def test_a_formatted_size_reads_back_within_its_three_digits(size: int) -> None:
    text = format_quantity(size, Unit.BYTES)
    assert parse_size(text) == pytest.approx(size, rel=0.0051, abs=1)


@given(st.floats(1e6, 3.5e12))
def test_a_formatted_duration_reads_back_within_its_three_digits(nanoseconds: float) -> None:
    assert parse_duration(format_quantity(nanoseconds, Unit.NANOSECONDS)) == pytest.approx(
        nanoseconds / 1e9, rel=0.0051
    )


@given(st.floats(1e-6, 1e17) | st.integers(0, 10**17), st.sampled_from(Unit))
def test_a_quantity_is_short_and_never_an_exponent(value: float, unit: Unit) -> None:
    number = format_quantity(value, unit).partition(" ")[0]
    assert set(number) <= set("0123456789.")
    if value and unit is not Unit.COUNT:
        assert len(number.replace(".", "").lstrip("0")) >= 3


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12_900, Unit.NANOSECONDS, "12.9 µs"),
        (999.7, Unit.NANOSECONDS, "1.00 µs"),
        (9.996, Unit.NANOSECONDS, "10.0 ns"),
        (2.5e9, Unit.NANOSECONDS, "2.50 s"),
        (85_000, Unit.OPERATIONS_PER_SECOND, "85.0 k/s"),
        (512 * 2**20, Unit.BYTES, "512 MiB"),
        (2**30 - 1, Unit.BYTES, "1.00 GiB"),
        (1.5 * 2**30, Unit.BYTES_PER_SECOND, "1.50 GiB/s"),
        (9.41e9, Unit.BITS_PER_SECOND, "9.41 Gbit/s"),
        (0.0312, Unit.RATIO, "3.12 %"),
        (0, Unit.RATIO, "0 %"),
        (3, Unit.COUNT, "3"),
        (2.5, Unit.COUNT, "2.50"),
    ],
)
def test_a_quantity_reads_as_people_write_it(value: float, unit: Unit, text: str) -> None:
    assert format_quantity(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.85, "850 ms"),
        (0.9999, "1 s"),
        (6.25, "6.2 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (59.6, "1 min"),
        (450, "7 min 30 s"),
        (3599.7, "1 h"),
        (8103, "2 h 15 min"),
    ],
)
def test_seconds_read_as_people_write_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
