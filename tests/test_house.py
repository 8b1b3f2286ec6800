"""What surrounds the code: the Makefile, the pages that people begin with, and the wheel that they would install."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.pages import PAGES, ROOT


@pytest.fixture(scope="session")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def makefile_targets() -> set[str]:
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(rules)


def make(*arguments: str, directory: Path = ROOT) -> str:
    """What make prints. Called from another make, as in `make test`, it would also tell of its own coming and going."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", *arguments]
    ran = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=True)
    return ran.stdout + ran.stderr


def test_make_alone_shows_a_line_for_every_target() -> None:
    shown = make().splitlines()
    assert {line.split()[1] for line in shown} == makefile_targets()
    assert all(len(line.split()) > 3 for line in shown)


def test_setup_does_nothing_until_what_is_needed_changes(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / ".venv").mkdir()
    stamp = tmp_path / ".venv" / ".installed"
    stamp.touch()
    assert make("setup", directory=tmp_path) == ""
    os.utime(tmp_path / "pyproject.toml", (stamp.stat().st_mtime + 1,) * 2)
    assert "scripts/venv.sh" in make("-n", "setup", directory=tmp_path)


def test_packages_that_are_there_are_not_installed_again(tmp_path: Path) -> None:
    program = tmp_path / "apt-get"
    program.write_text("#!/bin/sh\ntouch called\n")
    program.chmod(0o755)
    script = ROOT / "scripts" / "debian-packages.sh"
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run([script, "bash", "sh"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
    assert not (tmp_path / "called").exists()


def test_where_nothing_can_be_installed_one_line_says_what_to_install(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "debian-packages.sh"
    ran = subprocess.run(
        ["/bin/bash", script, "no-such-tool"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "no-such-tool" in ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_documentation_lists_each_of_its_pages() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name


def test_the_changelog_tells_of_the_current_version(project: dict[str, Any]) -> None:
    version = re.escape(project["project"]["version"])
    assert re.search(rf"^## {version}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_wheel_alone_brings_a_working_program(project: dict[str, Any], tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")

    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    name, version = project["project"]["name"].replace("-", "_"), project["project"]["version"]
    top_level = {path.split("/")[0] for path in zipfile.ZipFile(wheel).namelist()}
    assert top_level == {*packages, f"{name}-{version}.dist-info"}

    own = tmp_path / "own"
    venv.create(own, symlinks=True)
    install = ["-m", "pip", "--python", own / "bin/python", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run([sys.executable, *install], capture_output=True, check=True)
    # A .pth file adds the dependencies' directory without reading the .pth files in it, such as that of this checkout.
    (site_packages,) = own.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    empty = tmp_path / "empty"
    empty.mkdir()

    def run(*arguments: str) -> str:
        command = [own / "bin" / arguments[0], *arguments[1:]]
        return subprocess.run(command, cwd=empty, capture_output=True, text=True, check=True).stdout

    assert run("python", "-c", "import probes; print(probes.__file__)").startswith(str(own))
    assert run("probe", "--help").startswith("Usage: probe")
    assert run("probe", "--version").strip().endswith(version)
    assert "$schema" in json.loads(run("probe", "schema"))
