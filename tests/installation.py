"""An environment in which only some of what is installed here can be imported, as in an image that has just that."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.pages import ROOT

_DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, GROUPS = _DECLARED["project"], _DECLARED["dependency-groups"]
_OWN = {"agent", "corrective_drift", "jobs", "probes"}
# Python imports this by itself in each process, those that a probe spawns included.
_HIDING = """\
import sys


class Hidden:
    names = frozenset({names})

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Hidden())
"""


def _with_dependencies(lines: Iterable[str]) -> set[str]:
    """The distributions of requirement lines, and all that they require here."""
    found: dict[str, set[str]] = {}
    waiting = [Requirement(line) for line in lines]
    while waiting:
        each = waiting.pop()
        name, extras = canonicalize_name(each.name), {"", *each.extras}
        if extras <= found.get(name, set()):
            continue
        found[name] = found.get(name, set()) | extras
        further = [Requirement(line) for line in requires(name) or []]
        waiting += [
            one
            for one in further
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return set(found)


def hide_all_but(lines: Iterable[str], directory: Path) -> tuple[dict[str, str], set[str]]:
    """The environment of a process for which nothing is installed but these requirements and our own packages.

    It begins in `directory`. With it comes what of the modules that are installed here it does not have.
    """
    there = _with_dependencies(lines) | {PROJECT["name"]}
    hidden = {
        module
        for module, distributions in packages_distributions().items()
        if not there & {canonicalize_name(each) for each in distributions}
    } - _OWN
    (directory / "sitecustomize.py").write_text(_HIDING.format(names=sorted(hidden)))
    return os.environ | {"PYTHONPATH": f"{directory}:{ROOT}", "NO_COLOR": "1"}, hidden


def ran(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in such an environment, in the directory that it was made in."""
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=environment["PYTHONPATH"].partition(":")[0],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
