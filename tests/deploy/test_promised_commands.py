"""The promised commands, as far as they can be typed without a cluster; and that the pages for operators are true."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from click.testing import CliRunner

from agent.cli.telemetry.command import cli
from tests.deploy.objects import KUBECTL, ROOT
from tests.standin.list_server import Answer, Query, serving_lists, status
from tests.test_docker import last

AGENT = str(Path(sys.executable).with_name("telemetry-agent"))
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
COMPLIANCE = (ROOT / "docs" / "compliance.md").read_text()
# Group and version -> kinds; a kind of the whole cluster has a mark.
SERVED = {
    "v1": ["ServiceAccount", "ConfigMap", "Service", "PersistentVolumeClaim"],
    "apps/v1": ["Deployment"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "rbac.authorization.k8s.io/v1": ["ClusterRole!", "ClusterRoleBinding!", "Role", "RoleBinding"],
}


def test_the_images_command_takes_a_configuration_and_shows_what_would_be_sent(tmp_path: Path) -> None:
    assert json.loads(last("agent", "ENTRYPOINT")) == ["telemetry-agent"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [AGENT, "--config", str(ROOT / "examples" / "config.yaml"), "--dry-run"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert '"level":"standard"' in ran.stdout


def test_the_agents_image_can_look_at_its_own_metrics() -> None:
    assert re.search(r"install [^&]*\bcurl\b", (ROOT / "Dockerfile").read_text().partition("AS agent")[2])


def discovery(path: str, _: Query) -> Answer:
    """What an API server says about the kinds it serves; no object exists."""
    if path == "/api":
        return Answer(body=json.dumps({"kind": "APIVersions", "versions": ["v1"]}).encode())
    if path == "/apis":
        versions = [each for each in SERVED if "/" in each]
        groups = [
            {
                "name": each.partition("/")[0],
                "versions": [{"groupVersion": each, "version": "v1"}],
                "preferredVersion": {"groupVersion": each, "version": "v1"},
            }
            for each in versions
        ]
        return Answer(body=json.dumps({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}).encode())
    served = path.removeprefix("/apis/").removeprefix("/api/")
    if served not in SERVED:
        return status(404, "NotFound")
    resources = [
        {"name": f"{kind.lower()}s", "kind": kind.rstrip("!"), "namespaced": "!" not in kind, "verbs": ["get", "patch"]}
        for kind in SERVED[served]
    ]
    for each in resources:
        each["name"] = str(each["name"]).replace("!", "").replace("networkpolicys", "networkpolicies")
    body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": served, "resources": resources}
    return Answer(body=json.dumps(body).encode())


def test_the_dry_run_of_the_rendered_manifests_is_taken(tmp_path: Path) -> None:
    with serving_lists(discovery, tmp_path) as (_, kubeconfig):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}
        # The server has no schemas to validate by; test_manifests.py does that.
        command = [KUBECTL, "apply", "--dry-run=client", "--validate=ignore", "-f", "telemetry-deployment.yaml"]
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    assert ran.returncode == 0, ran.stderr
    objects = list(yaml.safe_load_all((ROOT / "telemetry-deployment.yaml").read_text()))
    assert ran.stdout.count("created (dry run)") == len(objects)


def commands() -> Iterator[str]:
    """Each command of the page of operations."""
    for line in OPERATIONS.splitlines():
        if re.match(r"    (kubectl|scripts/|corrective-drift|curl)", line):
            yield line.strip()


def test_every_file_and_directory_of_an_operators_command_is_there() -> None:
    named = [word for command in commands() for word in command.split() if re.match(r"(deploy|scripts)/", word)]
    assert len(named) > 8
    for each in named:
        assert (ROOT / each).exists(), each


def test_every_agents_command_that_an_operator_types_exists_with_its_options() -> None:
    typed = re.findall(r"-- telemetry-agent ([a-z-]+(?: (?:show|revoke|grant))?)(.*)", "\n".join(commands()))
    assert {words for words, _ in typed} >= {"preview", "audit show", "delete-data", "export"}
    for words, rest in typed:
        shown = CliRunner().invoke(cli, [*words.split(), "--help"])
        assert shown.exit_code == 0, words
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in shown.output, f"{words} {option}"


def test_every_alert_is_explained_and_none_that_is_not_there() -> None:
    rules = (ROOT / "deploy/kubernetes/components/monitoring/alerts.yaml").read_text()
    assert set(re.findall(r"alert: (\w+)", rules)) == set(re.findall(r"`(Telemetry\w+)`", OPERATIONS))


def test_the_kustomization_of_the_page_is_one(tmp_path: Path) -> None:
    """A user's own, beside a checkout named `prism`."""
    (text,) = re.findall(r"```yaml\n(.*?)```", OPERATIONS, re.DOTALL)
    (tmp_path / "prism").symlink_to(ROOT)
    own = tmp_path / "own"
    own.mkdir()
    (own / "kustomization.yaml").write_text(
        text.replace("../prism/", "../" * (len(own.parts) - 1) + str(ROOT)[1:] + "/")
    )
    ran = subprocess.run([KUBECTL, "kustomize", own], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "image: registry.example/telemetry-agent:" in ran.stdout
    assert "probes_window: 22:00-05:00" in ran.stdout


def test_every_proof_of_a_control_is_a_test_that_exists() -> None:
    proofs = re.findall(r"\]\(\.\./(tests/[\w/.]+)\)(?: `(\w+)`)?", COMPLIANCE)
    assert len(proofs) > 25
    for path, name in proofs:
        assert f"def {name}" in (ROOT / path).read_text(), f"{path} {name}"
