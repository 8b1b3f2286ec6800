import json
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import manifest, preview
from jobs.manifest import Manifest
from jobs.objects import Meta
from jobs.plan import plan
from jobs.site import ALL_RUNS, RUN, Site
from jobs.step import Measure, Path
from probes import echo, errand, iperf
from probes.catalogue import CATALOGUE
from probes.errand import Measure as MeasureErrand
from probes.errand import Reach
from probes.probe import Profile
from tests.jobs.factories import SECONDS, nodes, request, site, storage_class

VERSIONS = ["1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", kubernetes_validate.latest_version()]
PLAN = plan(
    request(*CATALOGUE, existing_claims=("mine",), storage_classes=("fast",)),
    nodes=nodes(2),
    classes=[storage_class("fast")],
    seconds=SECONDS,
)
EVERYTHING = site(
    pull_secrets=("secret",),
    tolerated_taints=("gpu",),
    node_labels={"disk": "ssd"},
    architectures=("amd64", "arm64"),
)
ALL = preview.manifests(PLAN, EVERYTHING)
JOBS = [each for each in ALL if each["kind"] == "Job"]


def name(each: Manifest) -> str:
    return str(each["metadata"]["name"])


def pod(job: Manifest) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def container(job: Manifest) -> dict[str, Any]:
    only: dict[str, Any]
    (only,) = pod(job)["containers"]
    return only


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_what_kubernetes_takes(version: str) -> None:
    for each in ALL:
        kubernetes_validate.validate(each, version, strict=True)


def test_the_validator_would_tell() -> None:
    wrong = json.loads(json.dumps(JOBS[-1]))
    wrong["spec"]["backoffLimits"] = 0
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


ALLOWED_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)


def violations(spec: dict[str, Any]) -> Iterator[str]:
    """What Pod Security's level `restricted` forbids of what our pods could have.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    security = spec.get("securityContext", {})
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key))
    if security.get("runAsNonRoot") is not True or security.get("runAsUser") == 0:
        yield "runAsNonRoot"
    if security.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "seccompProfile"
    yield from (
        f"volume {each['name']}" for each in spec.get("volumes", []) if not set(each) - {"name"} <= ALLOWED_VOLUMES
    )
    for each in [*spec["containers"], *spec.get("initContainers", [])]:
        yield from violations_of_container(each)


def violations_of_container(each: dict[str, Any]) -> Iterator[str]:
    own = each.get("securityContext", {})
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
        yield "capabilities"
    if own.get("privileged") or any(port.get("hostPort") for port in each.get("ports", [])):
        yield "privileged"


@pytest.mark.parametrize("job", JOBS, ids=name)
@pytest.mark.parametrize("user", [65532, None])
def test_every_pod_is_admitted_where_restricted_is_enforced(job: Manifest, user: int | None) -> None:
    again = preview.manifests(PLAN, site(user=user))
    same = next(each for each in again if (each["kind"], name(each)) == ("Job", name(job)))
    assert list(violations(pod(same))) == []


def test_the_rules_of_restricted_would_tell() -> None:
    spec = {"hostNetwork": True, "containers": [{}], "volumes": [{"name": "v", "hostPath": {}}]}
    found = set(violations(spec))
    assert {"hostNetwork", "runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation", "volume v"} <= found


@pytest.mark.parametrize("job", JOBS, ids=name)
def test_every_job_is_bounded_and_never_tries_again(job: Manifest) -> None:
    spec = job["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0
    assert pod(job)["restartPolicy"] == "Never"
    assert pod(job)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("job", JOBS, ids=name)
def test_every_container_states_its_requests_and_a_memory_limit_and_no_limit_of_cpu(job: Manifest) -> None:
    resources = container(job)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory", "ephemeral-storage"}
    assert set(resources["limits"]) == {"memory"}


@pytest.mark.parametrize("job", JOBS, ids=name)
def test_every_container_has_a_read_only_root_and_a_place_to_write(job: Manifest) -> None:
    each = container(job)
    assert each["securityContext"]["readOnlyRootFilesystem"] is True
    mounted = {mount["mountPath"] for mount in each["volumeMounts"]}
    environment = {variable["name"]: variable.get("value") for variable in each["env"]}
    assert environment["HOME"] == environment["TMPDIR"] == each["workingDir"]
    assert each["workingDir"] in mounted


@pytest.mark.parametrize("each", ALL, ids=name)
def test_every_object_is_labelled_and_belongs_to_the_run(each: Manifest) -> None:
    metadata = each["metadata"]
    key, value = ALL_RUNS.split("=")
    assert metadata["labels"][key] == value
    assert metadata["labels"][RUN] == "abc123"
    assert len(metadata["name"]) <= 63 - len("-xxxxx")
    if each["kind"] != "ConfigMap":
        assert [owner["uid"] for owner in metadata["ownerReferences"]] == ["1-2-3"]


def test_the_owner_belongs_to_a_job_that_is_complete_without_a_pod_and_expires() -> None:
    plain = site(owner=None)
    job = manifest.expiry(plain, seconds=900)
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 0
    assert job["spec"]["ttlSecondsAfterFinished"] == 900
    assert "ownerReferences" not in job["metadata"]
    (reference,) = manifest.owner(plain, Meta(name="e", uid="u"))["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["uid"]) == ("Job", "u")
    assert not reference.get("blockOwnerDeletion")


def test_tolerations_secrets_and_architectures_are_there_only_when_asked_for() -> None:
    plain = [each for each in preview.manifests(PLAN, site()) if each["kind"] == "Job"]
    for job in plain:
        assert "tolerations" not in pod(job)
        assert "imagePullSecrets" not in pod(job)
        assert pod(job)["nodeSelector"] == {"kubernetes.io/os": "linux"}
    for job in JOBS:
        assert pod(job)["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
        assert pod(job)["imagePullSecrets"] == [{"name": "secret"}]
        assert pod(job)["nodeSelector"]["disk"] == "ssd"
    terms = [
        term
        for job in JOBS
        if "affinity" in pod(job)
        for term in pod(job)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
    ]
    assert {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]} in [
        term.get("matchExpressions", [None])[0] for term in terms
    ]


def measuring(step: Measure, server: str | None = None, where: Site | None = None) -> Manifest:
    return manifest.measuring_job(
        where or site(), step, profile=Profile.QUICK, server=server, deadline_seconds=60, await_seconds=5.0
    )


def told(job: Manifest) -> MeasureErrand | Reach:
    """What the container would be told, after the kubelet has replaced variables in its command."""
    text = container(job)["command"][-1]
    assert "$" not in text
    return errand.parse(text)


@given(st.text(max_size=40))
@settings(max_examples=40)
def test_an_errand_arrives_as_it_was_meant_whatever_is_in_it(text: str) -> None:
    step = next(each for each in PLAN.steps if isinstance(each, Measure) and each.probe == "dns")
    changed = Measure(name="s", claims=step.claims, cost=step.cost, probe="dns", options={"names": f"$(HOME){text}"})
    found = told(measuring(changed))
    assert isinstance(found, MeasureErrand)
    assert found.options == changed.options


@pytest.mark.parametrize(
    ("server", "host"), [("10.0.0.1", "10.0.0.1"), ("fd00::1", "[fd00::1]"), ("server.invalid", "server.invalid")]
)
def test_a_client_is_given_an_address_that_its_probe_understands(server: str, host: str) -> None:
    step = next(each for each in PLAN.steps if isinstance(each, Measure) and each.path is Path.OTHER_NODE)
    found = told(measuring(step, server))
    assert isinstance(found, MeasureErrand)
    assert found.options["server"] == host
    assert found.await_server == f"{host}:{echo.DEFAULT_PORT}"
    assert echo.parse_address(found.await_server).port == echo.DEFAULT_PORT


def test_a_server_listens_on_its_own_address_and_its_service_leads_to_it() -> None:
    job = manifest.server_job(site(), "s", step="s", node="n", deadline_seconds=60)
    service = manifest.service(site(), "s", step="s")
    assert container(job)["command"][-1] == "$(POD_IP)"
    assert service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    ports = {(port["port"], port.get("protocol", "TCP")) for port in service["spec"]["ports"]}
    assert ports == {(echo.DEFAULT_PORT, "TCP"), (iperf.DEFAULT_PORT, "TCP"), (iperf.DEFAULT_PORT, "UDP")}
    assert container(job)["readinessProbe"]["tcpSocket"]["port"] == echo.DEFAULT_PORT


def storage_steps() -> dict[str, Measure]:
    return {each.name: each for each in PLAN.steps if isinstance(each, Measure) and each.probe == "storage"}


def test_a_new_claim_is_mounted_where_the_probe_measures() -> None:
    step = storage_steps()["storage-class-1"]
    claim = manifest.claim(site(), step)
    assert claim is not None
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi"
    job = measuring(step)
    volume = next(each for each in pod(job)["volumes"] if "persistentVolumeClaim" in each)
    assert volume["persistentVolumeClaim"]["claimName"] == name(claim)
    mount = next(each for each in container(job)["volumeMounts"] if each["name"] == volume["name"])
    assert mount["mountPath"] == step.options["path"]


def test_an_existing_claim_is_mounted_and_never_made() -> None:
    step = storage_steps()["storage-claim-1"]
    assert manifest.claim(site(), step) is None
    claims = [each.get("persistentVolumeClaim", {}).get("claimName") for each in pod(measuring(step))["volumes"]]
    assert "mine" in claims


def test_a_nodes_own_disk_is_measured_in_scratch_space_of_the_stated_size() -> None:
    step = storage_steps()["storage-node-1"]
    job = measuring(step)
    (volume,) = pod(job)["volumes"]
    assert volume["emptyDir"]["sizeLimit"] == container(job)["resources"]["requests"]["ephemeral-storage"] == "5Gi"
    assert container(job)["volumeMounts"][0]["mountPath"] == step.options["path"]


def test_a_node_is_chosen_through_the_scheduler() -> None:
    job = measuring(storage_steps()["storage-node-1"])
    assert "nodeName" not in pod(job)
    (term,) = pod(job)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["n001"]}] or term[
        "matchFields"
    ] == [{"key": "metadata.name", "operator": "In", "values": ["n000"]}]


def test_all_objects_make_a_list_that_kubectl_reads() -> None:
    text = json.loads(manifest.as_list(list(ALL)))
    assert (text["kind"], text["apiVersion"]) == ("List", "v1")
    assert [name(each) for each in text["items"]] == [name(each) for each in ALL]
    assert len({(each["kind"], name(each)) for each in ALL}) == len(ALL)


def test_every_kind_that_is_created_has_the_permission_that_it_needs() -> None:
    created = {each["kind"] for each in ALL}
    needed = {need.kind.api.kind for need in preview.NEEDS if need.verb == "create"}
    assert created == needed
