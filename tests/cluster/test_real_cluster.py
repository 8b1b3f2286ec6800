"""Every probe as real Jobs through the command line, and a namespace that afterwards is as it was before."""

import json
import shutil
import signal
import subprocess
from typing import Any

import jsonschema
import pytest

from probes.catalogue import CATALOGUE
from probes.measure.result import json_schema

# In a cluster that is shared, others may be measuring: the guard waits for their end.
QUICK = ("--profile", "quick", "--format", "json", "--wait", "15m")
LONG = ("--profile", "standard", "--wait", "15m")


def measured(ran: Any, probe: str) -> Any:
    """The result of a run of one probe, which was measured."""
    assert ran.returncode == 0, f"{ran.stderr}\n{ran.stdout[-4000:]}"
    told = json.loads(ran.stdout)
    jsonschema.validate(told, json_schema())
    assert told["target"] == "cluster"
    (result,) = told["results"]
    assert (result["probe"], result["status"]) == (probe, "measured")
    assert result["metrics"]
    return told


def names(told: Any) -> set[str]:
    return {metric["name"] for metric in told["results"][0]["metrics"]}


def wait_for_objects(process: "subprocess.Popen[str]", leftovers: Any) -> None:
    """Wait until the run has a Job that does something."""
    while sum(name.startswith("Job ") for name in leftovers()) < 2:
        assert process.poll() is None, process.communicate()


def test_the_doctor_finds_nothing_missing(run: Any) -> None:
    ran = run("doctor", "--format", "json")
    missing = [each for each in json.loads(ran.stdout) if each["state"] == "missing"]
    assert (ran.returncode, missing) == (0, [])


def test_the_doctor_starts_a_pod_of_the_image(run: Any) -> None:
    ran = run("doctor", "--start-pod", "--format", "json")
    (pod,) = (each for each in json.loads(ran.stdout) if each["subject"] == "pod")
    assert pod["state"] == "ready", pod


@pytest.mark.parametrize("probe", CATALOGUE)
def test_each_probe_is_measured_by_jobs(run: Any, probe: str) -> None:
    measured(run("run", probe, *QUICK), probe)


def test_latency_is_told_for_each_kind_of_path(run: Any) -> None:
    told = measured(run("run", "latency", *QUICK, "--max-nodes", "2"), "latency")
    paths = [("same_node",), ("service",)]
    if told["environment"]["nodes"] > 1:
        paths.append(("same_zone", "other_zone", "other_node"))
    for path in paths:
        assert any(name.endswith(path) for name in names(told)), (path, names(told))


def test_pods_and_services_have_startup_times(run: Any) -> None:
    told = measured(run("run", "startup", *QUICK, "--startup-pods", "3"), "startup")
    assert any(name.startswith("pod_startup") for name in names(told))
    assert {"service_startup_by_name", "service_startup_by_address"} <= names(told)


def test_a_dry_run_creates_nothing_and_the_server_would_take_all_of_it(run: Any, leftovers: Any) -> None:
    shown = run("run", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert leftovers() == []
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on the PATH")
    command = [kubectl, "apply", "--dry-run=server", "-f", "-"]
    applied = subprocess.run(command, input=shown.stdout, capture_output=True, text=True, check=False)
    assert applied.returncode == 0, applied.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_removes_everything(
    start: Any, leftovers: Any, number: signal.Signals, code: int
) -> None:
    with start("run", "dns", *LONG) as process:
        wait_for_objects(process, leftovers)
        process.send_signal(number)
        _, stderr = process.communicate()
    assert process.returncode == code, stderr
    assert leftovers() == []


def test_what_a_killed_run_leaves_is_removed_by_cleanup(start: Any, probe: Any, leftovers: Any) -> None:
    with start("run", "dns", *LONG) as process:
        wait_for_objects(process, leftovers)
        process.kill()
    assert leftovers()
    cleaned = probe("cleanup", "--older-than", "0")
    assert cleaned.returncode == 0, cleaned.stderr
    assert leftovers() == []
