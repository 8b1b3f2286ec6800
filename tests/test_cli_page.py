"""docs/cli.md, the reference of all commands."""

import re

from tests.deploy.objects import ROOT, script

PAGE = (ROOT / "docs" / "cli.md").read_text()
CLI_PAGE = script("cli_page")


def test_the_page_is_current() -> None:
    assert CLI_PAGE.page() == PAGE, "make it anew: python scripts/cli_page.py"


def test_every_command_has_a_part_with_a_synopsis_and_a_purpose() -> None:
    parts = re.findall(r"^#{2,4} (.+)\n\n    \1(?: .*)?\n\n[A-Z]", PAGE, re.MULTILINE)
    headings = re.findall(r"^#{2,4} (.+)$", PAGE, re.MULTILINE)
    assert len(headings) > 30
    assert parts == headings


def test_nothing_of_the_machine_that_made_it_and_no_mark_of_click_is_on_the_page() -> None:
    assert not re.search(r"/home/|/root|\\b|\x08", PAGE)
    assert "..." not in re.sub(r"\]\.\.\.|\S+\.\.\.$", "", PAGE, flags=re.MULTILINE), "click has shortened a purpose"
