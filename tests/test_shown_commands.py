"""Every command that a page shows could be typed so: what has no side effects is parsed, the rest looked up.

Not carried out, and why: what measures or sends takes long, and a cluster or a service; tests of their own do that. The
promised ones, typed on a cluster, are listed in docs/promised-commands.md.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from tests.deploy import terraform
from tests.deploy.objects import KUBECTL, script
from tests.pages import PAGES, ROOT, commands

PROGRAMS: dict[str, click.Group] = script("cli_page").PROGRAMS
# Why a line that begins with this is not looked into.
SKIPPED = {
    "curl": "asks a service; tests/corrective_drift has its requests",
    "docker": "no container engine is needed to develop; tests/test_images.py, for who has one, types these",
    "pg_dump": "PostgreSQL's own",
    "createdb": "PostgreSQL's own",
    "sqlite3": "SQLite's own",
    "pip": "Python's own",
    "export": "the shell's own",
    "cd": "the shell's own",
}
_KUBECTL_OF_ALL = "options"


def shown(program: str) -> Iterator[tuple[Path, list[str]]]:
    """Each page and the words after a program's name, up to a pipe, a redirection or the next command."""
    for page in PAGES:
        for line in commands(page):
            words = typed(line)
            if words and words[0] == program:
                yield page, words[1:]


def typed(line: str) -> list[str]:
    """A line's words from the program's name on, without what leads to it: variables, sudo, directories."""
    if "─" in line:
        return []  # a drawing
    try:
        # What another command would put in is one word.
        words = shlex.split(re.sub(r"\$\([^)]*\)", "X", line))
    except ValueError:
        return []  # prose with an apostrophe
    while words and (words[0] == "sudo" or re.match(r"[A-Z_]+=", words[0])):
        words.pop(0)
    for end in ("|", ">", "&&", "&"):
        if end in words:
            words = words[: words.index(end)]
    return [words[0].removeprefix(".venv/bin/").removeprefix("./"), *words[1:]] if words else []


def parse(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    """Have click read a command line without carrying it out. Raises click.UsageError."""
    with command.make_context(name, list(words), parent=parent) as context:
        rest = [*context._protected_args, *context.args]
        if isinstance(command, click.Group) and rest:
            found, below, remaining = command.resolve_command(context, rest)
            assert found is not None
            assert below is not None
            parse(below, found, remaining, context)


def in_pods(program: str) -> Iterator[tuple[Path, list[str]]]:
    """What `kubectl exec … -- PROGRAM` would start there."""
    for page, words in shown("kubectl"):
        if "--" in words and words[words.index("--") + 1] == program:
            yield page, words[words.index("--") + 2 :]


@pytest.mark.parametrize("program", PROGRAMS)
def test_click_takes_every_shown_command_of_ours(program: str) -> None:
    found = [*shown(program), *in_pods(program)]
    assert len(found) > 3
    for page, words in found:
        try:
            parse(PROGRAMS[program], program, words)
        except click.exceptions.Exit:
            pass  # --help, --version
        except click.UsageError as error:
            pytest.fail(f"{page.name}: {program} {' '.join(words)}: {error.format_message()}")


def test_every_shown_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, words in shown("make"):
        named = {each for each in words if "=" not in each}
        assert named <= targets, f"{page.name}: {named - targets}"


@cache
def kubectl_help(*words: str) -> str:
    ran = subprocess.run([KUBECTL, *words], capture_output=True, text=True, check=True)
    return ran.stdout


def test_kubectl_knows_every_shown_command_and_option() -> None:
    found = list(shown("kubectl"))
    assert len(found) > 10
    for page, (command, *rest) in found:
        own = rest[: rest.index("--")] if "--" in rest else rest
        subject = [each for each in own[:2] if each in {"secret", "generic", "job", "status", "restart"}]
        known = kubectl_help(command, *subject, "--help") + kubectl_help(_KUBECTL_OF_ALL)
        for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", " ".join(own)):
            assert re.search(rf"(?<![\w-]){re.escape(option)}\b", known), f"{page.name}: kubectl {command} {option}"


def test_every_shown_script_exists_and_knows_the_shown_options() -> None:
    seen = set()
    for page in PAGES:
        for line in commands(page):
            words = typed(line)
            program = next((each for each in words[:2] if re.match(r"(scripts|benchmarks)/\S+\.\w+$", each)), None)
            if program is None or words[0] == "pytest":
                continue
            text = (ROOT / program).read_text()
            seen.add(program)
            for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(words)):
                assert option in text, f"{page.name}: {program} {option}"
    assert {"scripts/toggle-telemetry.sh", "benchmarks/detectors.py"} <= seen


def test_the_toggle_s_shown_actions_are_its_own() -> None:
    usage = subprocess.run(
        [ROOT / "scripts" / "toggle-telemetry.sh", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for page, (action, *_) in shown("scripts/toggle-telemetry.sh"):
        assert re.search(rf"^  {action} ", usage, re.MULTILINE), f"{page.name}: {action}"


def test_terraform_s_shown_variables_are_the_module_s() -> None:
    found = list(shown("terraform"))
    assert found
    for page, (command, *rest) in found:
        names = set(re.findall(r"-var=(\w+)", " ".join(rest)))
        assert names <= set(terraform.variables(terraform.MODULE)), f"{page.name}: {names}"
        assert command in {"init", "apply", "plan"}


def test_every_file_of_the_project_that_a_command_names_is_there() -> None:
    named = {
        (page.name, word)
        for page in PAGES
        for line in commands(page)
        for word in typed(line)
        if re.fullmatch(r"(agent|benchmarks|deploy|docs|examples|jobs|probes|scripts|tests)/[\w./-]*", word)
    }
    assert len(named) > 20
    for page, word in named:
        assert (ROOT / word).exists(), f"{page}: {word}"


def test_the_installed_programs_are_those_of_the_reference() -> None:
    for program in PROGRAMS:
        assert shutil.which(program, path=str(Path(sys.executable).parent)), program


@pytest.mark.parametrize("program", SKIPPED)
def test_nothing_is_skipped_that_no_page_shows(program: str) -> None:
    assert list(shown(program)), f"{program} is shown nowhere: take it off the list"
