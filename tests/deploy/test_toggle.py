"""scripts/toggle-telemetry.sh: enable, disable, status; for clusters and for terraform.tfvars."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.settings import load
from tests.deploy.objects import KUBERNETES, LEVELS, ROOT, objects, one
from tests.deploy.test_manifests import mounted

SCRIPT = ROOT / "scripts" / "toggle-telemetry.sh"
FAKE = Path(__file__).with_name("fake_kubectl.py")
TFVARS = 'region = "eu"\nenable_telemetry_agent   = false # ours\ntelemetry_privacy_level = "minimal"\n'


class Place:
    """A directory to call the script in, and a cluster of one ConfigMap."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "cluster.json"
        self.programs = directory / "bin"
        self.programs.mkdir()
        for name in ("bash", "cat", "date", "dirname", "env", "grep", "sed", "tail"):
            (self.programs / name).symlink_to(str(shutil.which(name)))
        self.install_kubectl()
        self.write(runs=True, standing="ok", data=one(objects("standard"), "ConfigMap", "telemetry-config")["data"])

    def install_kubectl(self) -> None:
        kubectl = self.programs / "kubectl"
        kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {FAKE} "$@"\n')
        kubectl.chmod(0o755)

    def write(self, **state: Any) -> None:
        before = json.loads(self.state.read_text()) if self.state.exists() else {}
        self.state.write_text(json.dumps(before | state | {"calls": []}))

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.state.read_text())
        return state

    def calls(self, *verbs: str) -> list[str]:
        return [call for call in self.read()["calls"] if call.split()[0] in verbs]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        env = {"PATH": str(self.programs), "FAKE_STATE": str(self.state), "HOME": str(self.directory)}
        return subprocess.run(
            [SCRIPT, *arguments], cwd=self.directory, env=env, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


CHANGES = ("patch", "apply", "delete", "rollout")


def test_enabling_switches_on_and_records_a_consent_that_the_agent_understands(place: Place, tmp_path: Path) -> None:
    ran = place.run("enable", "--level", "standard", "--policy-version", "1.2")
    assert ran.returncode == 0, ran.stderr
    directory = tmp_path / "mounted"
    directory.mkdir()
    configuration = load(mounted(place.read()["data"], directory), {}).configuration
    assert configuration.telemetry.enabled
    assert configuration.consent is not None
    assert (configuration.consent.version, configuration.consent.schema_digest) == ("1.2", "ab" * 32)
    assert configuration.consent.level == "standard"
    assert "rollout restart deployment/telemetry-agent" in place.calls("rollout")
    assert "by your consent" in ran.stdout


def test_doing_the_same_again_changes_nothing(place: Place) -> None:
    place.run("enable")
    before = place.read()["data"]
    place.write()
    again = place.run("enable")
    assert again.returncode == 0
    assert "nothing was changed" in again.stdout
    assert place.calls(*CHANGES) == []
    assert place.read()["data"] == before


@pytest.mark.parametrize("standing", ["consent_stale", "consent_revoked", "consent_missing", "not_consented_to"])
def test_enabling_what_waits_for_consent_is_a_new_consent(standing: str, place: Place) -> None:
    place.run("enable")
    place.write(standing=f"paused: {standing}", after_restart="ok")
    ran = place.run("enable")
    assert ran.returncode == 0, ran.stderr
    assert "by your consent" in ran.stdout
    assert len(place.calls("patch")) == 1


def test_an_agent_that_still_waits_for_consent_is_no_success(place: Place) -> None:
    """Such as where a moving tag has brought another version with the restart."""
    place.write(after_restart="paused: consent_stale")
    ran = place.run("enable")
    assert ran.returncode == 3
    assert "consent_stale" in ran.stderr


@pytest.mark.parametrize("level", LEVELS)
def test_another_level_comes_with_its_permissions(level: str, place: Place) -> None:
    place.write(data=place.read()["data"] | {"privacy_level": "none-yet"})
    assert place.run("enable", "--level", level).returncode == 0
    rbac = (KUBERNETES / "overlays" / level / "rbac.yaml").read_text()
    assert list(yaml.safe_load_all(place.read()["applied"])) == list(yaml.safe_load_all(rbac))


def test_the_permissions_follow_into_another_namespace(place: Place) -> None:
    assert place.run("enable", "--level", "detailed", "--namespace", "lab").returncode == 0
    assert place.read()["options"]["--namespace"] == "lab"
    assert "prism-observability" not in place.read()["applied"]


def test_disabling_switches_off_and_removes_what_runs(place: Place) -> None:
    place.run("enable")
    place.write()
    ran = place.run("disable")
    assert ran.returncode == 0, ran.stderr
    assert place.read()["data"]["enabled"] == "false"
    (deleted,) = place.calls("delete")
    assert "jobs" in deleted
    assert "--selector app.kubernetes.io/managed-by=prism-telemetry-agent" in deleted
    order = [call.split()[0] for call in place.calls(*CHANGES)]
    # Whatever still runs could begin another one.
    assert order == ["patch", "rollout", "rollout", "delete"]


def test_disabling_what_is_off_still_removes_what_runs_and_restarts_nothing(place: Place) -> None:
    ran = place.run("disable")
    assert ran.returncode == 0
    assert "Already disabled" in ran.stdout
    assert [call.split()[0] for call in place.calls(*CHANGES)] == ["delete"]


def test_probes_of_another_namespace_are_removed_there(place: Place) -> None:
    place.write(data=place.read()["data"] | {"probes_namespace": "lab"})
    place.run("disable")
    (deleted,) = place.calls("delete")
    assert "--namespace lab" in deleted


def test_what_is_removed_is_labelled_as_runs_label_it_and_no_manifest_is() -> None:
    from jobs.site import ALL_RUNS  # noqa: PLC0415  beside the claim

    assert f"readonly runs={ALL_RUNS}\n" in SCRIPT.read_text()
    key, _, value = ALL_RUNS.partition("=")
    for level in LEVELS:
        for each in objects(level):
            assert each["metadata"].get("labels", {}).get(key) != value


def test_status_changes_nothing(place: Place) -> None:
    ran = place.run("status")
    assert ran.returncode == 0
    assert "enabled false, level standard" in ran.stdout
    assert "Working." in ran.stdout
    assert place.calls(*CHANGES) == []


@pytest.mark.parametrize("arguments", [["enable", "--level", "full"], ["enable", "--level", "minimal standard"]])
def test_a_level_that_does_not_exist_is_refused(arguments: list[str], place: Place) -> None:
    ran = place.run(*arguments)
    assert ran.returncode == 2
    assert "allowed are minimal standard detailed" in ran.stderr
    assert place.read()["calls"] == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["on"], ["enable", "disable"], ["disable", "--level", "minimal"], ["enable", "--level"],
     ["enable", "--policy-version", '1","x":"y'], ["status", "--namespace", "A;b"], ["enable", "--force"]],
)  # fmt: skip
def test_wrong_usage_is_told_in_a_line_and_does_nothing(arguments: list[str], place: Place) -> None:
    ran = place.run(*arguments)
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert place.read()["calls"] == []


def test_without_an_agent_that_runs_there_is_nothing_to_consent_to(place: Place) -> None:
    place.write(runs=False)
    ran = place.run("enable")
    assert ran.returncode == 3
    assert "no schema to consent to" in ran.stderr
    assert "enabled" not in place.read()["data"]


def test_a_cluster_without_an_agent_is_told(place: Place) -> None:
    place.write(data=None)
    ran = place.run("disable")
    assert ran.returncode == 3
    assert "no agent in namespace prism-observability" in ran.stderr


def test_terraform_variables_are_changed_in_place_and_the_rest_stays(place: Place) -> None:
    file = place.directory / "prod.tfvars"
    file.write_text(TFVARS)
    ran = place.run("enable", "--level", "detailed", "--tfvars", "prod.tfvars")
    assert ran.returncode == 0, ran.stderr
    assert file.read_text() == (
        'region = "eu"\nenable_telemetry_agent   = true # ours\ntelemetry_privacy_level = "detailed"\n'
    )
    assert "terraform apply" in ran.stdout
    assert place.read()["calls"] == []
    again = place.run("enable", "--level", "detailed", "--tfvars", "prod.tfvars")
    assert again.stdout.count("already") == 2


def test_terraform_variables_that_are_lacking_are_added(place: Place) -> None:
    file = place.directory / "new.tfvars"
    file.write_text('region = "eu"')
    assert place.run("enable", "--level", "minimal", "--tfvars", "new.tfvars").returncode == 0
    assert file.read_text() == 'region = "eu"\ntelemetry_privacy_level = "minimal"\nenable_telemetry_agent = true\n'


def test_a_terraform_user_who_disables_stops_the_cluster_as_well(place: Place) -> None:
    place.run("enable")
    (place.directory / "terraform.tfvars").write_text(TFVARS.replace("false", "true"))
    ran = place.run("disable")
    assert ran.returncode == 0
    assert "enable_telemetry_agent   = false # ours" in (place.directory / "terraform.tfvars").read_text()
    assert place.read()["data"]["enabled"] == "false"


def test_without_a_cluster_the_terraform_file_alone_is_enough(place: Place) -> None:
    (place.programs / "kubectl").unlink()
    (place.directory / "terraform.tfvars").write_text(TFVARS)
    ran = place.run("enable")
    assert ran.returncode == 0
    assert "kubectl is not installed" in ran.stdout


def test_a_file_of_variables_that_is_not_there_is_told(place: Place) -> None:
    ran = place.run("disable", "--tfvars", "absent.tfvars")
    assert ran.returncode == 3
    assert "there is no file absent.tfvars" in ran.stderr


def test_help_shows_every_option(place: Place) -> None:
    shown = place.run("--help")
    assert shown.returncode == 0
    for option in re.findall(r"(--[a-z-]+)\) ", SCRIPT.read_text()):
        assert option in shown.stdout


def test_nothing_in_it_is_newer_than_bash_3_2() -> None:
    newer = (
        r"declare -A|local -[An]|mapfile|readarray|\$\{[a-zA-Z_]+(,|\^)|&>>|\|&|coproc|\[\[ -v|EPOCHSECONDS|\$\{[a-z]+@"
    )
    assert re.findall(newer, SCRIPT.read_text()) == []


def test_shellcheck_finds_nothing() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    ran = subprocess.run([shellcheck, SCRIPT], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert ran.returncode == 0, ran.stdout
