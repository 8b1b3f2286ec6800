"""deploy/terraform against the manifests: by Terraform itself where it is installed, and by the module's text."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.levels import Level
from agent.settings import Settings, flat_keys, load
from agent.wire.fields import schema_digest
from tests.deploy import terraform
from tests.deploy.objects import KUBERNETES, LEVELS, Json, objects, one

needs_terraform = pytest.mark.skipif(
    terraform.TERRAFORM is None, reason="terraform is not installed: its module is only compared as text"
)
ENVIRONMENT_LABEL = "prism-platform.io/environment"
CONFIGURATION_ANNOTATION = "prism-platform.io/configuration"
SPECIFICATION_ANNOTATION = "prism-platform.io/specification"
CONSENT = {
    "consent_timestamp": "2026-01-01T00:00:00Z",
    "consent_version": "1.0",
    "consent_privacy_policy_url": "https://corrective-drift.com/privacy",
    "consent_level": "standard",
    "consent_schema_digest": schema_digest(),
}
UNCHANGED: dict[str, Any] = {"image": None, "resource_requests": {}, "resource_limits": {}}


def read(directory: Path, level: str, data: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """What the module makes of the manifests."""
    given = UNCHANGED | {"privacy_level": level, "environment": "test", "data": data or {}} | changes
    return terraform.applied(directory, terraform.MODULE / "manifests", **given)


def started_with(directory: Path, data: dict[str, str]) -> Settings:
    """What the agent finds where the ConfigMap is mounted."""
    (directory / "..data").mkdir()
    for key, text in data.items():
        (directory / key).write_text(text)
    return load(directory / "config.yaml", {})


def without_own_marks(object_: Json) -> Json:
    """An object without the label and the annotations that only Terraform gives."""
    copy: Json = json.loads(json.dumps(object_))
    assert copy["metadata"]["labels"].pop(ENVIRONMENT_LABEL) == "test"
    if copy["kind"] == "Deployment":
        assert copy["spec"]["template"]["metadata"]["annotations"].pop(CONFIGURATION_ANNOTATION)
        assert list(copy["metadata"].pop("annotations")) == [SPECIFICATION_ANNOTATION]
    return copy


@needs_terraform
@pytest.mark.parametrize("level", LEVELS)
def test_each_level_comes_to_what_kustomize_makes_of_it(level: str, tmp_path: Path) -> None:
    found = read(tmp_path, level)
    made = [found["config_map"], found["deployment"], *found["others"].values()]
    expected = objects(level)
    by_kind = {each["kind"]: each for each in map(without_own_marks, made)}
    assert len(made) == len(expected) == len(by_kind)
    # A role that allows nothing has no rules, or an empty list of them.
    assert by_kind == {each["kind"]: {key: value for key, value in each.items() if value != []} for each in expected}


@needs_terraform
def test_the_namespace_is_that_of_the_manifests(tmp_path: Path) -> None:
    namespace = yaml.safe_load((KUBERNETES / "namespace.yaml").read_text())
    assert without_own_marks(read(tmp_path, "minimal")["namespace"]) == namespace


@needs_terraform
def test_the_agent_starts_with_what_terraform_writes_and_finds_a_consent_to_its_schema(tmp_path: Path) -> None:
    (tmp_path / "terraform").mkdir()
    (tmp_path / "mounted").mkdir()
    data = CONSENT | {"enabled": "true", "probes_window": "22:00-05:00", "reporting_interval_minutes": 120}
    found = read(tmp_path / "terraform", "standard", data | {"endpoint": None, "probes_image": None})
    configuration = started_with(tmp_path / "mounted", found["config_map"]["data"]).configuration
    assert configuration.telemetry.enabled
    assert configuration.telemetry.privacy_level is Level.STANDARD
    assert configuration.telemetry.reporting_interval_minutes == 120
    assert configuration.consent is not None
    assert configuration.consent.level is Level.STANDARD
    assert configuration.consent.schema_digest == found["schema_digest"] == schema_digest()


@needs_terraform
def test_an_image_and_single_limits_replace_those_of_the_manifest_and_nothing_else(tmp_path: Path) -> None:
    found = read(tmp_path, "minimal", image="registry.example/agent:1", resource_limits={"memory": "1Gi"})
    (container,) = found["deployment"]["spec"]["template"]["spec"]["containers"]
    (expected,) = one(objects("minimal"), "Deployment", "telemetry-agent")["spec"]["template"]["spec"]["containers"]
    limits = expected["resources"]["limits"] | {"memory": "1Gi"}
    assert container == expected | {
        "image": "registry.example/agent:1",
        "resources": expected["resources"] | {"limits": limits},
    }


@needs_terraform
def test_a_changed_configuration_starts_the_agent_anew_and_an_unchanged_one_does_not(tmp_path: Path) -> None:
    def mark(interval: int) -> str:
        found = read(tmp_path, "minimal", {"reporting_interval_minutes": interval})
        annotations: dict[str, str] = found["deployment"]["spec"]["template"]["metadata"]["annotations"]
        return annotations[CONFIGURATION_ANNOTATION]

    first = mark(60)
    assert mark(60) == first
    assert mark(61) != first


@needs_terraform
@pytest.mark.parametrize(
    "change",
    [{"image": "registry.example/agent:1"}, {"resource_limits": {"memory": "1Gi"}}, {"data": {"enabled": "false"}}],
)
def test_a_rollout_changes_an_annotation_of_ours_or_the_provider_would_fail_after_it(
    change: dict[str, Any], tmp_path: Path
) -> None:
    def mark(**changes: Any) -> str:
        annotations: dict[str, str] = read(tmp_path, "minimal", **changes)["deployment"]["metadata"]["annotations"]
        return annotations[SPECIFICATION_ANNOTATION]

    assert mark() != mark(**change)
    assert mark() == mark(environment="other"), "a label of the Deployment alone starts no pod"


@needs_terraform
def test_only_what_a_person_decides_is_a_new_consent(tmp_path: Path) -> None:
    decided: dict[str, Any] = {
        "privacy_level": "minimal",
        "data_types": {},
        "policy_version": "1.0",
        "schema_digest": None,
    }
    state = tmp_path / "terraform.tfstate"

    def consent(current: str, **changes: Any) -> tuple[str, str]:
        source = terraform.MODULE / "consent"
        found = terraform.applied(tmp_path, source, current_schema_digest=current, **decided | changes)
        (resource,) = json.loads(state.read_text())["resources"]
        return resource["instances"][0]["attributes"]["id"], found["schema_digest"]

    first = consent("a" * 64)
    assert first[1] == "a" * 64
    assert consent("a" * 64) == first
    assert consent("b" * 64) == first, "an upgrade has consented to what a new version can send"
    for change in ({"privacy_level": "standard"}, {"data_types": {"collect_benchmarks": "false"}}):
        assert consent("b" * 64, **change)[0] != first[0]
    assert consent("b" * 64, schema_digest="c" * 64)[1] == "c" * 64


@needs_terraform
def test_the_files_are_in_standard_form() -> None:
    ran = terraform.run(terraform.MODULE, "fmt", "-check", "-recursive")
    assert ran.returncode == 0, ran.stdout


@needs_terraform
def test_terraform_validates_the_module_and_its_example_and_passes_the_module_s_own_tests(tmp_path: Path) -> None:
    module = terraform.copied(tmp_path)
    started = terraform.run(module, "init")
    if started.returncode != 0:
        pytest.skip("the provider hashicorp/kubernetes can't be had here: terraform validate and test are not run")
    for directory in (module, module / "examples" / "platform"):
        for command in ("init", "validate"):
            ran = terraform.run(directory, command)
            assert ran.returncode == 0, ran.stderr
    ran = terraform.run(module, "test")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_by_default_there_is_no_agent_and_every_other_default_is_the_manifests() -> None:
    found = terraform.variables(terraform.MODULE)
    defaults = {name: terraform.default(block) for name, block in found.items()}
    assert defaults.pop("enable_telemetry_agent") is False
    data = one(objects("minimal"), "ConfigMap", "telemetry-config")["data"]
    assert defaults.pop("telemetry_privacy_level") == data["privacy_level"]
    assert defaults.pop("environment") == "production"
    assert defaults.pop("create_namespace") is True
    # Null and empty leave what stands in the manifests.
    assert all(value is None or value == {} for value in defaults.values()), defaults


def test_the_levels_that_are_allowed_are_the_agent_s() -> None:
    (validation,) = terraform.variables(terraform.MODULE)["telemetry_privacy_level"]["validation"]
    assert re.findall(r'"(\w+)"', validation["condition"]) == [each.value for each in Level]


def test_every_key_that_is_written_is_a_key_of_the_configuration() -> None:
    written = re.findall(r"(\w+) = ", terraform.module_call("manifests")["data"])
    assert set(CONSENT) < set(written) < set(flat_keys())


def test_a_key_that_has_a_variable_of_its_own_can_not_be_a_further_setting() -> None:
    refused, consenting = terraform.variables(terraform.MODULE)["telemetry_settings"]["validation"]
    written = re.findall(r"(\w+) = ", terraform.module_call("manifests")["data"])
    named = re.findall(r'"([\w.]+)"', refused["condition"] + consenting["condition"])
    own = {each for each in written if not each.startswith("consent_")}
    assert own | {"privacy_level", "config.yaml", "consent_"} == set(named)


def test_no_object_stands_in_the_module_and_each_is_there_only_when_it_was_enabled() -> None:
    found = terraform.resources()
    for (kind, name), block in found.items():
        assert kind in {"kubernetes_manifest", "kubernetes_config_map_v1"}
        assert "local.present" in block["for_each"] or "var.enable_telemetry_agent" in block["for_each"], name
        if kind == "kubernetes_manifest":
            assert re.fullmatch(r"\$\{(module\.manifests\.\w+|each\.value)\}", block["manifest"])
    configuration = found["kubernetes_config_map_v1", "configuration"]
    assert configuration["data"] == "${module.manifests.config_map.data}"
    assert configuration["lifecycle"][0]["ignore_changes"] == ['${data["enabled"]}']


def test_the_example_s_file_of_variables_is_one_for_the_module_as_well() -> None:
    example = terraform.MODULE / "examples" / "platform"
    names = set(re.findall(r"^(\w+)\s*=", (example / "terraform.tfvars.example").read_text(), re.MULTILINE))
    assert names == {"enable_telemetry_agent", "telemetry_privacy_level", "telemetry_endpoint"}
    assert names < set(terraform.variables(example))
    assert names < set(terraform.variables(terraform.MODULE))
