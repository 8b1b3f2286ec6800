"""`probe run` in a cluster and `probe cleanup`, against a real API server whose nodes run pods as processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from jobs.site import RUN
from probes.measure.result import json_schema
from tests.standin.lab import SPACE, wait_until
from tests.standin.problem import Problem
from tests.standin.resources import CONFIG_MAPS, JOBS, NODES, PODS, STORAGE_CLASSES, Json
from tests.standin.standin import StandIn, pods_reason

LONG = ("latency", "--duration", "1s", "--target", "cluster")
Cluster = Callable[..., "subprocess.CompletedProcess[str]"]
needs_pods = pytest.mark.skipif(pods_reason() is not None, reason=pods_reason() or "")


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as cluster:
        yield cluster


@pytest.fixture
def cluster(standin: StandIn, probe: Cluster) -> Iterator[Cluster]:
    """Run `probe` where kubectl would talk to the stand-in; nothing is left in it afterwards."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return probe(*arguments, env={"KUBECONFIG": str(standin.kubeconfig)})

    yield run
    assert ours(standin) == []


def ours(standin: StandIn) -> list[str]:
    """All objects of any run that are there."""
    return [
        f"{resource.kind} {thing['metadata']['name']}"
        for resource, thing in standin.store.everything()
        if RUN in (thing["metadata"].get("labels") or {})
    ]


def one_line(text: str) -> str:
    assert text.count("\n") == 1, f"more than one line: {text!r}"
    return text


def begin(standin: StandIn, probe_program: str, directory: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [probe_program, *arguments],
        cwd=directory,
        env=os.environ | {"NO_COLOR": "1", "KUBECONFIG": str(standin.kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_a_round(standin: StandIn) -> None:
    """Wait until a pod measures: before, as the first process of its container, it would not hear SIGTERM."""

    def measures(pod: Json) -> bool:
        with suppress(Problem):
            return b"round" in standin.api.read_log(pod, "probe")[0]
        return False

    wait_until(standin, lambda: any(map(measures, standin.store.all(PODS, SPACE))))


@pytest.fixture
def uncordon(standin: StandIn) -> Iterator[Callable[[], object]]:
    """The first node is cordoned, until the function is called or the test is over."""

    def set_to(*, unschedulable: bool) -> object:
        return standin.store.update(NODES, "node1", "", lambda node: node["spec"].update(unschedulable=unschedulable))

    set_to(unschedulable=True)
    yield partial(set_to, unschedulable=False)
    set_to(unschedulable=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("dns", "--target", "local", "--image", "x"), "--image is about a cluster"),
        (("dns", "--target", "cluster", "--server", "x"), "--server means nothing to dns in a cluster"),
        (("startup", "--target", "cluster", "--duration", "1s"), "--duration means nothing to startup in a cluster"),
        (("dns", "--storage-class", "fast"), "--storage-class means nothing to dns in a cluster"),
        (("dns", "--nodes", "ssd"), "write key=value"),
        (("dns", "--user", "0"), "a number other than root's 0"),
        (("dns", "--wait", "soon"), "'soon' is not a duration"),
        (("dns", "--override", "everything"), "'everything' is not one of 'pressure'"),
        (("dns", "--context", "nowhere"), "nowhere"),
        (("dsn", "--context", "standin"), "did you mean dns?"),
        (("dns", "--dry-run", "--output", "r.json"), "redirect its standard output"),
    ],
)
def test_wrong_usage_is_told_in_one_line(cluster: Cluster, arguments: tuple[str, ...], says: str) -> None:
    refused = cluster("run", *arguments)
    assert refused.returncode == 2, refused.stderr
    assert says in one_line(refused.stderr)
    assert refused.stdout == ""


def test_a_class_that_is_not_there_is_told_with_those_that_are(cluster: Cluster) -> None:
    refused = cluster("run", "storage", "--storage-class", "fast")
    assert refused.returncode == 2
    assert "there is no storage class 'fast' in this cluster; there are: immediate, standard" in refused.stderr


@pytest.fixture
def retaining(standin: StandIn) -> Iterator[None]:
    kept = {"metadata": {"name": "kept"}, "provisioner": "standin/kept", "reclaimPolicy": "Retain"}
    standin.store.create(STORAGE_CLASSES, kept | {"volumeBindingMode": "Immediate"})
    yield
    standin.store.delete(STORAGE_CLASSES, "kept", None)


@pytest.mark.usefixtures("retaining")
def test_a_class_that_would_leave_a_volume_behind_is_not_planned_and_that_is_said(cluster: Cluster) -> None:
    shown = cluster("run", "storage", "--target", "cluster", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "Not probed: storage class kept: it retains volumes" in shown.stderr
    assert "storageClassName: standard" in shown.stdout or '"storageClassName": "standard"' in shown.stdout
    assert "kept" not in shown.stdout


def test_what_the_environment_lacks_is_told_with_its_own_code(probe: Cluster, standin: StandIn, tmp_path: Path) -> None:
    nowhere = probe("run", "dns", "--target", "cluster", env={"KUBECONFIG": str(tmp_path / "none")})
    assert nowhere.returncode == 3
    assert "Set KUBECONFIG, or give --context" in one_line(nowhere.stderr)
    config = {"KUBECONFIG": str(standin.kubeconfig)}
    homeless = probe("run", "dns", "--namespace", "elsewhere", env=config)
    assert homeless.returncode == 3
    assert "there is no namespace 'elsewhere'" in homeless.stderr


def test_a_dry_run_prints_what_kubectl_takes_and_changes_nothing(cluster: Cluster, standin: StandIn) -> None:
    versions = {resource: standin.store.all(resource) for resource in (JOBS, CONFIG_MAPS, PODS)}
    shown = cluster("run", "all", "--target", "cluster", "--dry-run", "--image", "registry.test/probe:9")
    assert shown.returncode == 0, shown.stderr
    listed = json.loads(shown.stdout)
    assert listed["kind"] == "List"
    kinds = {each["kind"] for each in listed["items"]}
    assert kinds == {"Job", "ConfigMap", "Service", "PersistentVolumeClaim"}
    for each in listed["items"]:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
    assert "registry.test/probe:9" in shown.stdout
    assert "storage, claim, standard" in shown.stderr
    assert {resource: standin.store.all(resource) for resource in versions} == versions


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which is to judge, is not installed")
def test_kubectl_takes_what_a_dry_run_prints(cluster: Cluster, standin: StandIn) -> None:
    shown = cluster("run", "latency", "storage", "--target", "cluster", "--dry-run", "--max-nodes", "1")
    # Without OpenAPI, which the stand-in doesn't serve, kubectl has the server alone judge.
    options = ("--kubeconfig", standin.kubeconfig, "--dry-run=server", "--validate=false")
    kubectl = ["kubectl", "apply", *options, "-f", "-"]
    took = subprocess.run(kubectl, input=shown.stdout, capture_output=True, text=True, timeout=60, check=False)
    assert took.returncode == 0, took.stderr
    assert took.stdout.count("created (server dry run)") == len(json.loads(shown.stdout)["items"])


def test_a_dry_run_tells_what_the_guard_would_mind(cluster: Cluster, uncordon: Any) -> None:
    shown = cluster("run", "dns", "--dry-run")
    assert shown.returncode == 0
    assert "the node node1 is cordoned (override: cordoned)" in shown.stderr
    assert "Not probed: node node1: it is cordoned" in shown.stderr


def test_the_guard_refuses_with_the_name_that_overrules_it(cluster: Cluster, uncordon: Any) -> None:
    refused = cluster("run", "utilization", "--target", "cluster")
    assert refused.returncode == 3
    assert "the node node1 is cordoned (override: cordoned)" in refused.stderr
    assert refused.stdout == ""
    overruled = cluster("run", "utilization", "--override", "cordoned")
    assert overruled.returncode == 0, overruled.stderr
    assert "CPU requested" in overruled.stdout


def test_a_limit_of_the_users_own_is_kept(cluster: Cluster) -> None:
    refused = cluster("run", "storage", "--max-written-bytes", "1MiB")
    assert refused.returncode == 3
    assert "GB written, and 0 are allowed (override: written-bytes)" in refused.stderr


def test_what_passes_is_waited_for(
    standin: StandIn, probe_program: str, tmp_path: Path, uncordon: Callable[[], object]
) -> None:
    with begin(standin, probe_program, tmp_path, "run", "utilization", "--wait", "3s") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Waiting: "):
                assert "node1 is cordoned" in line
                uncordon()
        assert process.wait(60) == 0


def test_who_measures_a_machine_loads_no_client_of_kubernetes() -> None:
    code = "import sys; import agent.cli.run; print({'kubernetes', 'urllib3'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"


@needs_pods
def test_results_of_a_cluster_go_where_those_of_a_machine_go(cluster: Cluster, tmp_path: Path) -> None:
    files = ("--output", "r.json", "--export", "csv", "r.csv")
    ran = cluster("run", "dns", "utilization", "--context", "standin-token", "--name", "example.com", *files)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("Target: the cluster")
    assert "look-up" in ran.stdout
    result = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(result, json_schema())
    assert (result["target"], result["environment"]["nodes"]) == ("cluster", 2)
    assert [each["probe"] for each in result["results"]] == ["dns", "utilization"]
    assert result["results"][0]["facts"]["pods"] == 2
    assert "cluster" in (tmp_path / "r.csv").read_text()
    assert json.loads(cluster("history", "--format", "json").stdout)[0]["target"] == "cluster"


@needs_pods
def test_an_interruption_keeps_what_had_finished_and_leaves_nothing(
    standin: StandIn, probe_program: str, tmp_path: Path
) -> None:
    asked = ("run", "utilization", *LONG, "--output", "r.json", "--no-history")
    with begin(standin, probe_program, tmp_path, *asked) as process:
        wait_for_a_round(standin)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=100)
    assert process.returncode == 143
    assert "stopped; 1 of 2 probes had finished and are in r.json; nothing was left behind" in stderr
    assert [each["probe"] for each in json.loads((tmp_path / "r.json").read_text())["results"]] == ["utilization"]
    assert ours(standin) == []


@needs_pods
def test_what_a_killed_run_left_is_cleaned_up_once_nobody_can_miss_it(
    cluster: Cluster, standin: StandIn, probe_program: str, tmp_path: Path
) -> None:
    with begin(standin, probe_program, tmp_path, "run", *LONG) as process:
        wait_for_a_round(standin)
        process.kill()
    young = cluster("cleanup")
    assert young.returncode == 0
    assert "nothing was left behind that is old enough" in young.stdout
    assert "--older-than 0 removes them as well" in one_line(young.stderr)
    looked = cluster("cleanup", "--older-than", "0", "--dry-run", "--all-namespaces")
    assert looked.returncode == 0
    assert "found    ConfigMap" in looked.stdout
    assert ours(standin) != []
    removed = cluster("cleanup", "--older-than", "0", "--format", "json")
    assert removed.returncode == 0
    told = json.loads(removed.stdout)
    assert {each["kind"] for each in told["found"]} >= {"ConfigMap", "Job"}
    assert told["remaining"] == []


def test_what_cannot_be_removed_is_told_by_the_exit_code(cluster: Cluster, standin: StandIn) -> None:
    labels = {"app.kubernetes.io/managed-by": "prism-telemetry-agent", RUN: "stuck"}
    held = {"metadata": {"name": "held", "namespace": SPACE, "labels": labels, "finalizers": ["test.example/hold"]}}
    standin.store.create(CONFIG_MAPS, held)
    stuck = cluster("cleanup", "--older-than", "0", "--wait", "100ms")
    assert stuck.returncode == 3
    assert f"remains  ConfigMap              {SPACE}/held" in stuck.stdout
    assert "is a finalizer in its way?" in one_line(stuck.stderr)
    standin.store.update(CONFIG_MAPS, "held", SPACE, lambda thing: thing["metadata"].update(finalizers=[]))


def test_an_age_and_a_place_that_make_no_sense_are_wrong_usage(cluster: Cluster) -> None:
    assert cluster("cleanup", "--older-than", "yesterday").returncode == 2
    contradiction = cluster("cleanup", "--namespace", "x", "--all-namespaces")
    assert contradiction.returncode == 2
    assert "contradict" in one_line(contradiction.stderr)
