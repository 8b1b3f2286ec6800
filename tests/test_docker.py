"""The Dockerfile, read as text: what its targets promise. tests/test_images.py builds and starts them."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def instructions() -> list[tuple[str, str]]:
    """The instructions, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]  # type: ignore[misc]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Each stage's instructions after those of the stages it is built on."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for name, rest in instructions():
        if name == "FROM":
            base, _, stage = rest.split()
            current = found[stage] = list(found.get(base, []))
        current.append((name, rest))
    return found


def last(target: str, instruction: str) -> str:
    return [rest for name, rest in stages()[target] if name == instruction][-1]


def variables(target: str) -> list[str]:
    return [each for name, rest in stages()[target] if name == "ENV" for each in rest.split()]


@pytest.mark.parametrize("target", ["probe", "agent", "service"])
def test_a_target_runs_as_a_number_that_is_not_root(target: str) -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last(target, "USER"))


@pytest.mark.parametrize("target", ["probe", "agent", "service"])
def test_a_target_never_searches_the_working_directory_for_modules(target: str) -> None:
    assert "PYTHONSAFEPATH=1" in variables(target)


@pytest.mark.parametrize(
    ("target", "directory", "parent"),
    [
        ("probe", "/data", "/data"),
        ("agent", "/var/lib/telemetry-agent", None),
        ("service", "/var/lib/corrective-drift", "/var/lib"),
    ],
)
def test_a_volume_that_is_mounted_over_a_targets_state_gets_its_user_as_owner(
    target: str, directory: str, parent: str | None
) -> None:
    made = [rest for name, rest in stages()[target] if name == "RUN" and rest.endswith(f" {directory}")]
    user, group = last(target, "USER").split(":")
    assert made
    assert f"--owner {user} --group {group} " in made[-1]
    assert parent is None or f"XDG_STATE_HOME={parent}" in variables(target)


@pytest.mark.parametrize("target", ["probe", "agent"])
def test_a_target_has_the_tools_that_measure(target: str) -> None:
    text = " ".join(rest for _, rest in stages()[target])
    assert "libiperf0" in text
    assert "/fio /usr/local/bin/" in text


def test_every_base_is_another_stage_or_pinned_by_a_tag() -> None:
    for name, rest in instructions():
        if name == "FROM":
            base = rest.split()[0]
            assert base in stages() or re.fullmatch(r"[a-z/.-]+:(?!latest)[\w.-]+", base), base


def test_everything_that_the_wheel_holds_reaches_the_builder() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {*project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    needed |= {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for name, rest in stages()["wheel"] if name == "COPY" for word in rest.split()[:-1]}
    assert needed <= let_through
    assert needed <= copied


def installs(stage: str) -> list[list[str]]:
    """What pip is asked to install for a target, in order."""
    commands = "&&".join(rest for name, rest in stages()[stage] if name == "RUN").split("&&")
    return [line.split("--no-cache-dir")[1].split() for line in commands if "--python /opt/prism" in line]


def test_pods_get_the_group_of_that_name_and_the_agent_everything() -> None:
    alone = ["--no-deps", "/wheel/*.whl"]
    assert installs("installation") == [["--group", "pod"], alone]
    assert installs("whole-installation") == [["--group", "pod"], alone, ["/wheel/*.whl"]]
    assert ("COPY", "--from=installation /opt/prism /opt/prism") in stages()["probe"]
    assert ("COPY", "--from=whole-installation /opt/prism /opt/prism") in stages()["agent"]


def test_the_service_gets_its_extra_and_of_all_else_the_group_of_that_name() -> None:
    extra = "/build/extra.txt"
    assert installs("service-installation") == [
        ["--group", "service", "--requirement", extra], ["--no-deps", "/wheel/*.whl"]
    ]  # fmt: skip
    (written,) = (rest for name, rest in stages()["service-installation"] if name == "RUN" and f">{extra}" in rest)
    script = shlex.split(written.partition(">")[0])
    told = subprocess.run([sys.executable, *script[1:]], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert told.splitlines() == project["optional-dependencies"]["service"]
    assert ("COPY", "--from=service-installation /opt/prism /opt/prism") in stages()["service"]
