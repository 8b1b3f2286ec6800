"""Terraform as the tests call it, and what stands in the module's files."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hcl2

from tests.deploy.objects import ROOT

TERRAFORM = shutil.which("terraform")
MODULE = ROOT / "deploy" / "terraform"
_ENVIRONMENT = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


def run(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    assert TERRAFORM is not None
    command = [TERRAFORM, f"-chdir={directory}", *arguments, "-no-color"]
    return subprocess.run(command, env=os.environ | _ENVIRONMENT, capture_output=True, text=True, check=False)


def applied(directory: Path, source: Path, **variables: Any) -> dict[str, Any]:
    """Apply one of the modules that need no provider, and return its outputs. Again in the same directory: again."""
    module = {"source": os.path.relpath(source, directory), **variables}
    (directory / "main.tf.json").write_text(
        json.dumps({"module": {"it": module}, "output": {"all": {"value": "${module.it}"}}})
    )
    initialized = (directory / ".terraform").exists()
    for command in (["apply", "-auto-approve"],) if initialized else (["init"], ["apply", "-auto-approve"]):
        ran = run(directory, *command)
        assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(run(directory, "output", "-json").stdout)["all"]["value"]
    return found


def copied(directory: Path) -> Path:
    """Copy the module with all that it reads, so that terraform leaves nothing in the project; return where it is."""
    for part in ("deploy/terraform", "deploy/kubernetes"):
        shutil.copytree(ROOT / part, directory / part)
    (directory / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "fields.md", directory / "docs")
    return directory / "deploy" / "terraform"


def variables(directory: Path) -> dict[str, dict[str, Any]]:
    """Return each variable of a module -> what its block says."""
    with (directory / "variables.tf").open() as file:
        blocks = hcl2.load(file)["variable"]
    return {_unquoted(name): block for each in blocks for name, block in each.items()}


def default(block: dict[str, Any]) -> Any:
    """Return a variable's default; KeyError where it has none."""
    return _unquoted(block["default"])


def module_call(name: str) -> dict[str, Any]:
    """Return what the module's main.tf gives to a module below it."""
    with (MODULE / "main.tf").open() as file:
        blocks = hcl2.load(file)["module"]
    (found,) = (block for each in blocks for quoted, block in each.items() if _unquoted(quoted) == name)
    return dict(found)


def resources() -> dict[tuple[str, str], dict[str, Any]]:
    """Return type and name of each resource of the module -> what its block says."""
    with (MODULE / "main.tf").open() as file:
        blocks = hcl2.load(file)["resource"]
    return {
        (_unquoted(kind), _unquoted(name)): block
        for each in blocks
        for kind, named in each.items()
        for name, block in named.items()
        if name != "__is_block__"
    }


def _unquoted(value: Any) -> Any:
    return value.strip('"') if isinstance(value, str) else value
