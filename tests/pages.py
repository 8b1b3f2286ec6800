"""What the pages show: the lines of commands, and blocks of code."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
# Made of the commands themselves, with synopses in place of examples: tests/test_cli_page.py.
GENERATED = "cli.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A gap of two blanks ends a command and begins its explanation, as does a comment.
_EXPLANATION = re.compile(r"\s{2,}| # ")


def blocks(page: Path, language: str) -> list[str]:
    """Return the code of a language that stands between fences."""
    return [code for named, code in _BLOCK.findall(page.read_text()) if named == language]


def commands(page: Path) -> Iterator[str]:
    """Yield each line of a page that could be a command: indented, in a block of shell, or a step of a pipeline.

    A line that ends in a backslash goes on in the next one.
    """
    if page.name == GENERATED:
        return
    text = re.sub(r"\\\n\s*", "", page.read_text())
    for line in _BLOCK.sub("", text).splitlines():
        if re.match(r" {4}\S", line):
            yield _EXPLANATION.split(line.strip())[0]
    for code in blocks(page, "sh"):
        yield from (_EXPLANATION.split(line.strip())[0] for line in code.splitlines())
    for code in blocks(page, "yaml"):
        yield from _steps(yaml.safe_load(code))


def _steps(node: object) -> Iterator[str]:
    """Yield what the `run:` keys of a pipeline hold."""
    if isinstance(node, dict):
        if isinstance(node.get("run"), str):
            yield from (_EXPLANATION.split(line.strip())[0] for line in node["run"].splitlines())
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _steps(each)
