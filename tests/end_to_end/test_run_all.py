"""`probe run all` in a cluster: the command, the client, the manifests, the pods and the probes in them are real."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import jsonschema
import pytest

from probes.catalogue import CATALOGUE
from probes.measure.result import Metric, ProbeResult, RunResult, Status, json_schema
from tests.end_to_end.lab import left_of, processes_of
from tests.standin.standin import StandIn, pods_reason

pytestmark = [
    pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason())),
    # All probes, one after another, each with the start of its pods: half a minute, and more on a busy machine.
    pytest.mark.timeout(400),
]
# One step of each kind, as short as the probes take.
_COMMAND = (
    *("run", "all", "--target", "cluster", "--no-history", "--max-nodes", "1", "--max-pairs", "1"),
    *("--storage-class", "standard", "--claim-size", "1GiB", "--size", "16MiB", "--duration", "100ms"),
    *("--startup-pods", "5", "--startup-rate", "20", "--format", "json"),
)
# The two nodes of the lab lie in two zones.
_PATHS = ("same_node", "other_zone", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The command has ended."""

    code: int
    output: str
    errors: str
    objects: list[str]
    processes: list[str]

    @property
    def run(self) -> RunResult:
        return RunResult.model_validate_json(self.output)

    def result(self, probe: str) -> ProbeResult:
        return next(each for each in self.run.results if each.probe == probe)

    def metrics(self, probe: str) -> dict[str, Metric]:
        return {metric.name: metric for metric in self.result(probe).metrics}

    def median(self, probe: str, metric: str) -> float:
        return self.metrics(probe)[metric].summary.median


@pytest.fixture(scope="module")
def done(probe_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    with StandIn() as cluster:
        ended = subprocess.run(
            [probe_program, *_COMMAND],
            cwd=tmp_path_factory.mktemp("run"),
            env=os.environ | {"NO_COLOR": "1", "KUBECONFIG": str(cluster.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=380,
            check=False,
        )
        told = re.search(r"run (\w{10})\b", ended.stderr)
        assert told, ended.stderr
        yield Done(
            code=ended.returncode,
            output=ended.stdout,
            errors=ended.stderr,
            objects=left_of(cluster, told[1]),
            processes=processes_of(told[1]),
        )


def test_every_probe_brings_a_result(done: Done) -> None:
    told = {each.probe: (each.status, each.reason) for each in done.run.results}
    assert told == dict.fromkeys(CATALOGUE, (Status.MEASURED, None))
    assert done.code == 0, done.errors
    lost = [flag.reason for each in done.run.results for flag in each.flags if "brought nothing" in flag.reason]
    assert lost == []


def test_the_result_is_what_the_published_schema_says(done: Done) -> None:
    jsonschema.validate(json.loads(done.output), json_schema())
    assert done.run.target == "cluster"
    assert (done.run.environment["nodes"], done.run.environment["kubernetes_version"]) == (2, "v1.36.2")


def test_no_object_and_no_process_is_left(done: Done) -> None:
    assert (done.objects, done.processes) == ([], [])


def test_no_name_of_a_node_or_a_zone_and_no_address_is_in_the_result(done: Done) -> None:
    assert not re.search(r"node[12]\b|zone[12]\b|\b127\.\d+\.\d+\.\d+|probe-lab", done.output)


@pytest.mark.parametrize("path", _PATHS)
def test_latency_is_measured_on_every_path(done: Done, path: str) -> None:
    found = done.metrics("latency")[f"request_response_64b_{path}"]
    assert 1e3 < found.summary.median < 1e8
    # A busy machine brings too few for the far percentiles, which are absent then.
    assert found.summary.median <= max(each.value for each in found.summary.percentiles.values())
    assert done.median("latency", f"connect_{path}") > 1e3


@pytest.mark.parametrize("path", _PATHS)
def test_throughput_is_measured_on_every_path(done: Done, path: str) -> None:
    for metric in ("send_1_stream", "receive_1_stream", "send_8_streams", "receive_8_streams"):
        assert 1e7 < done.median("throughput", f"{metric}_{path}") < 1e13
    assert 0 <= done.median("throughput", f"udp_loss_{path}") <= 1


@pytest.mark.parametrize("volume", ["claim_standard", "ephemeral"])
def test_storage_is_measured_on_a_claim_and_on_the_nodes_own_disk(done: Done, volume: str) -> None:
    assert 1e2 < done.median("storage", f"read_iops_{volume}") < 1e8
    assert 1e2 < done.median("storage", f"write_latency_{volume}") < 1e9
    assert done.median("storage", f"volume_mount_{volume}") > 0


def test_the_binding_of_a_claim_takes_what_the_provisioner_takes(done: Done) -> None:
    assert 0.05e9 <= done.median("storage", "claim_bind_claim_standard") < 30e9


def test_names_of_the_cluster_and_of_the_world_are_looked_up(done: Done) -> None:
    assert {"name_1_cold", "name_2_cold", "name_3_cold", "search_path_cost_cold"} <= set(done.metrics("dns"))
    assert {done.median("dns", f"name_{number}_failure_ratio") for number in (1, 2, 3)} == {0.0}


def test_pods_and_services_start_in_the_order_that_their_stages_have(done: Done) -> None:
    found = done.result("startup")
    assert (found.facts["pods"], found.facts["services"]) == (5, 3)
    stages = [done.median("startup", name) for name in ("pod_scheduling", "pod_sandbox", "pod_start")]
    assert all(stage > 0 for stage in stages)
    assert max(stages) <= done.median("startup", "pod_startup") < 60e9
    assert done.median("startup", "service_endpoint") <= done.median("startup", "service_startup_by_address") < 60e9


def test_utilization_is_that_of_the_clusters_nodes(done: Done) -> None:
    assert done.result("utilization").facts["nodes"] == 2
    assert done.median("utilization", "cpu_used") == pytest.approx(0.126150208 / 8)
