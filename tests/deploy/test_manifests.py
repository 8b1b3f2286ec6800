"""The manifests: valid, confined, current, and switched on by nobody but people."""

import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from agent.settings import load
from tests.deploy.objects import KUBERNETES, ROOT, Json, objects, one, pod_template, script
from tests.standin.pod_security import violations

VERSIONS = ["1.29", "1.31", "1.33", "1.35", kubernetes_validate.latest_version()]
# The Prometheus operator's, of which the validator knows nothing.
CUSTOM = {"ServiceMonitor", "PrometheusRule"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_from_kubernetes_1_29_on(version: str, deployed: tuple[Json, ...]) -> None:
    for each in deployed:
        if each["kind"] not in CUSTOM:
            kubernetes_validate.validate(each, version, strict=True)


def test_a_misspelled_field_would_be_found() -> None:
    wrong = one(objects("minimal"), "Service", "telemetry-agent")
    wrong = wrong | {"spec": wrong["spec"] | {"selectors": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_pod_security_restricted_admits_every_pod(deployed: tuple[Json, ...]) -> None:
    templates = [template for each in deployed if (template := pod_template(each))]
    assert templates
    for template in templates:
        assert violations(template["spec"], "restricted") == ""


def test_every_container_has_a_read_only_root_and_a_bound_on_memory(deployed: tuple[Json, ...]) -> None:
    for each in deployed:
        spec = (pod_template(each) or {}).get("spec", {})
        for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]


def test_only_who_talks_to_the_api_server_has_a_token(deployed: tuple[Json, ...]) -> None:
    with_token = {
        each["metadata"]["name"]
        for each in deployed
        if (template := pod_template(each)) and template["spec"]["automountServiceAccountToken"]
    }
    assert with_token <= {"telemetry-agent", "probe-benchmarks"}


def test_our_images_are_of_this_version(deployed: tuple[Json, ...]) -> None:
    images = {
        container["image"]
        for each in deployed
        for container in (pod_template(each) or {}).get("spec", {}).get("containers", ())
    }
    assert images
    for image in images:
        assert image.endswith(f":{VERSION}") if image.startswith("prism-platform/") else ":" in image, image


def test_selectors_select_the_pods_they_mean(deployed: tuple[Json, ...]) -> None:
    labels = [
        template["metadata"]["labels"]
        for each in deployed
        if (template := pod_template(each)) and "metadata" in template
    ]
    for each in deployed:
        match each:
            case {"kind": "Service", "spec": {"selector": selector}}:
                wanted = selector
            case {"kind": "NetworkPolicy", "spec": {"podSelector": {"matchLabels": selector}}}:
                wanted = selector
            case _:
                continue
        assert any(wanted.items() <= found.items() for found in labels), each["metadata"]["name"]


def test_all_objects_are_in_one_namespace_or_in_none(deployed: tuple[Json, ...]) -> None:
    namespaces = {each["metadata"]["namespace"] for each in deployed if "namespace" in each["metadata"]}
    assert len(namespaces) == 1
    assert namespaces <= {"prism-observability", "prism-benchmarks"}


def test_made_files_are_current() -> None:
    for path, text in script("manifests").manifests():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} is stale: make manifests"


def test_what_the_user_applies_without_kustomize_is_an_overlay() -> None:
    rendered = list(yaml.safe_load_all((KUBERNETES / "telemetry-deployment.yaml").read_text()))
    assert rendered == list(objects("standard"))
    assert (ROOT / "telemetry-deployment.yaml").samefile(KUBERNETES / "telemetry-deployment.yaml")


def mounted(data: dict[str, str], directory: Path) -> Path:
    """A ConfigMap as a kubelet mounts it."""
    (directory / "..data").mkdir()
    for name, text in data.items():
        (directory / "..data" / name).write_text(text)
        (directory / name).symlink_to(Path("..data") / name)
    return directory / "config.yaml"


def test_the_agent_understands_its_configmap_and_is_off(level: str, tmp_path: Path) -> None:
    config = one(objects(level), "ConfigMap", "telemetry-config")["data"]
    settings = load(mounted(config, tmp_path), {"TELEMETRY_LISTEN": ":8080"})
    assert settings.configuration.telemetry.privacy_level == level
    assert settings.configuration.telemetry.listen == ":8080"
    assert not settings.configuration.telemetry.enabled
    assert settings.configuration.consent is None


def test_to_apply_another_level_starts_the_agent_anew(level: str) -> None:
    """A changed ConfigMap alone would leave it at work at the level before."""
    template = one(objects(level), "Deployment", "telemetry-agent")["spec"]["template"]
    assert template["metadata"]["annotations"]["prism-platform.io/privacy-level"] == level


def test_one_key_of_the_configmap_switches_it_on(tmp_path: Path) -> None:
    config = one(objects("standard"), "ConfigMap", "telemetry-config")["data"] | {"enabled": "true"}
    assert load(mounted(config, tmp_path), {}).configuration.telemetry.enabled


def test_applying_an_upgrade_can_neither_switch_on_nor_off_nor_consent() -> None:
    """`kubectl apply` sets the keys that a manifest has, and leaves those that it never had to whoever set them."""
    for path in KUBERNETES.rglob("*.yaml"):
        for each in yaml.safe_load_all(path.read_text()):
            if isinstance(each, dict) and each.get("kind") == "ConfigMap":
                assert not {key for key in each["data"] if key == "enabled" or key.startswith("consent")}, path


def test_a_paused_agent_is_no_failed_rollout() -> None:
    (container,) = one(objects("minimal"), "Deployment", "telemetry-agent")["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] == "/healthz"


def test_there_is_never_a_second_agent_on_the_same_state() -> None:
    spec = one(objects("minimal"), "Deployment", "telemetry-agent")["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")


def test_metrics_come_in_and_names_api_server_and_endpoint_go_out() -> None:
    policy = one(objects("standard"), "NetworkPolicy", "telemetry-agent")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [8080]
    assert all("from" in rule for rule in policy["ingress"])
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 6443}


def test_no_file_holds_key_material(deployed: tuple[Json, ...]) -> None:
    assert "Secret" not in {each["kind"] for each in deployed}


def test_without_a_provisioner_state_is_the_pods_own(without_volumes: tuple[Json, ...]) -> None:
    assert "PersistentVolumeClaim" not in {each["kind"] for each in without_volumes}
    volumes = one(without_volumes, "Deployment", "telemetry-agent")["spec"]["template"]["spec"]["volumes"]
    assert "emptyDir" in {volume["name"]: volume for volume in volumes}["state"]


def test_a_corrective_drift_of_ones_own_is_the_only_one_sent_to(everything: tuple[Json, ...]) -> None:
    config = one(everything, "ConfigMap", "telemetry-config")["data"]
    service = one(everything, "Service", "corrective-drift")["metadata"]
    assert config["endpoint"] == f"https://{service['name']}.{service['namespace']}.svc/v1/collect"
    (container,) = one(everything, "Deployment", "telemetry-agent")["spec"]["template"]["spec"]["containers"]
    paths = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert str(Path(config["ca_bundle"]).parent) in paths


def test_uninstalling_the_agent_takes_nothing_of_others_along(level: str) -> None:
    """A namespace in an overlay would be deleted with it, and with that whatever else runs there."""
    assert "Namespace" not in {each["kind"] for each in objects(level)}
