"""Where titles, values and words stand in the table of a probe."""

from io import StringIO

from rich.console import Console

from agent.cli.layout import Column, ProbeTable

COLUMNS = (Column(heading="median", least=9), Column(heading="verdict", least=12, words=True))


def drawn(*titles: str, width: int, verdict: str = "inconclusive", columns: tuple[Column, ...] = COLUMNS) -> list[str]:
    table = ProbeTable("utilization", columns, width)
    for title in titles:
        table.add_row(title, *["12.3 µs"] * (len(columns) - 1), verdict)
    console = Console(file=StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


def test_a_title_that_finds_room_stands_beside_its_values_and_a_longer_one_above_them() -> None:
    heading, rule, beside, above, below = drawn("memory", "threads waiting for a CPU", width=45)
    assert heading.split() == ["utilization", "median", "verdict"]
    assert set(rule) == {"─"}
    assert beside.split() == ["memory", "12.3", "µs", "inconclusive"]
    assert above == " threads waiting for a CPU"
    assert below.split() == ["12.3", "µs", "inconclusive"]
    assert beside.index("12.3") == below.index("12.3") == heading.index("median") - 1


def test_five_columns_of_a_comparison_are_whole_in_80_characters() -> None:
    values = (11, 11, 7, 17)
    columns = (*(Column(heading="x" * least, least=least) for least in values), COLUMNS[-1])
    lines = drawn("memory", "threads waiting for a CPU", width=80, columns=columns)
    assert lines[0].split() == ["utilization", *("x" * least for least in values), "verdict"]
    assert sum(line.endswith(" inconclusive") for line in lines) == 2
    assert max(map(len, lines)) == 80


def test_words_wrap_where_there_is_no_room_for_them() -> None:
    lines = drawn("memory", width=45, verdict="much better than all of the others")
    assert " ".join(" ".join(lines[2:]).split()) == "memory 12.3 µs much better than all of the others"
    assert len(lines) == 4
