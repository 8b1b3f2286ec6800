"""Code and configuration that pages show: it is read as whoever copies it would have it read."""

import ast
import re
import textwrap
from importlib import import_module
from pathlib import Path

import hcl2
import pytest
import yaml

from agent.settings import load
from tests.deploy import terraform
from tests.pages import PAGES, ROOT, blocks

# Modules that a page has its reader write; tests/test_docs.py does so.
WRITTEN_BY_READERS = {"probes.entropy"}
LANGUAGES = {"hcl", "python", "sh", "yaml"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_names_a_language_that_is_checked(page: Path) -> None:
    fences = re.findall(r"^```(.*)$", page.read_text(), re.MULTILINE)
    assert set(fences[::2]) <= LANGUAGES
    assert set(fences[1::2]) <= {""}


def test_every_block_of_python_compiles_and_imports_what_there_is() -> None:
    found = [(page, code) for page in PAGES for code in blocks(page, "python")]
    assert len(found) > 3
    for page, code in found:
        for node in ast.walk(ast.parse(textwrap.dedent(code), filename=page.name)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module not in WRITTEN_BY_READERS:
                module = import_module(node.module)
                for name in node.names:
                    assert hasattr(module, name.name), f"{page.name}: {node.module}.{name.name}"


def test_every_block_of_yaml_is_yaml_without_a_key_twice() -> None:
    found = [(page, code) for page in PAGES for code in blocks(page, "yaml")]
    assert found
    for page, code in found:
        assert isinstance(yaml.safe_load(code), dict), page.name


def test_every_block_of_variables_is_one_for_the_terraform_module() -> None:
    found = [(page, code) for page in PAGES for code in blocks(page, "hcl")]
    assert found
    for page, code in found:
        names = {name for name in hcl2.loads(code) if not name.startswith("__")}
        assert names <= set(terraform.variables(terraform.MODULE)), page.name


def test_the_example_s_commented_keys_are_right_when_the_comment_is_taken_away(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "config.yaml").read_text()
    shown = re.sub(r"^( *)# ( *[a-z_]+:(?: .*)?)$", r"\1\2", text, flags=re.MULTILINE)
    assert "\nprobes:\n" in shown
    # The one value that is not a value: `telemetry-agent fields` shows it.
    shown = shown.replace('"…"', '"0123456789abcdef"')
    (tmp_path / "config.yaml").write_text(shown)
    configuration = load(tmp_path / "config.yaml", {}).configuration
    assert configuration.telemetry.ca_bundle is not None
    assert configuration.probes.window == "22:00-05:00"
