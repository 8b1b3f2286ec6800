"""The images, started by a container engine on this machine: `make test-docker` builds them; deselected otherwise.

Files are mounted by their path, so that the engine must see the same file system.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from tests.pages import ROOT

# Six probes on a busy machine, or three reports a minute apart.
pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
PROBE, AGENT, SERVICE = (f"prism-test/{target}" for target in ("probe", "agent", "service"))
LABEL = f"prism-test={os.getpid()}"
CONFINED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
CONFIG = f"{ROOT / 'examples' / 'config.yaml'}:/etc/telemetry/config.yaml:ro"
# Killed by a signal: what is left after `docker stop` has waited for its ten seconds.
KILLED = "137"
SENT, WAITING = "prism_telemetry_documents_sent_total", "prism_telemetry_outbox_documents"
# Leaves a child to whatever is the container's first process, and then ends it.
ORPHAN = "import os, time\nif os.fork() == 0: time.sleep(0.5)"


def docker(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    ran = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert not check or ran.returncode == 0, ran.stderr
    return ran


def run(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return docker("run", "--rm", "--label", LABEL, *arguments, check=check)


def volume() -> str:
    return docker("volume", "create", "--label", LABEL).stdout.strip()


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    for kind, everything, force in (("container", "--all", "--force"), ("volume", "", "--force"), ("network", "", "")):
        listed = docker(kind, "ls", "--quiet", *filter(None, [everything]), "--filter", f"label={LABEL}")
        for each in listed.stdout.split():
            docker(kind, "rm", *filter(None, [force]), each)


def eventually(holds: Callable[[], bool], container: str) -> None:
    deadline = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < deadline, docker("logs", container).stderr
        time.sleep(0.5)


def test_every_probe_measures_confined_on_a_volume_that_it_leaves_empty_but_for_the_history() -> None:
    disk = f"--volume={volume()}:/data"
    result = json.loads(run(*CONFINED, disk, PROBE, "run", "--path=/data", "--format=json").stdout)
    assert {each["probe"]: each["status"] for each in result["results"]} == dict.fromkeys(
        ("storage", "latency", "throughput", "dns", "startup", "utilization"), "measured"
    )
    assert run(disk, "--entrypoint=ls", PROBE, "-A", "/data").stdout.split() == ["prism-probe"]
    assert result["run_id"][:8] in run(*CONFINED, disk, PROBE, "history").stdout


@pytest.mark.parametrize("level", ["minimal", "standard", "detailed"])
def test_the_promised_command_shows_what_a_level_sends_without_any_network(level: str) -> None:
    told = ("--network=none", f"--env=TELEMETRY_PRIVACY_LEVEL={level}", f"--volume={CONFIG}")
    shown = run(*CONFINED, *told, AGENT, "--config", "/etc/telemetry/config.yaml", "--dry-run")
    assert f'"level":"{level}"' in shown.stdout


def test_the_service_starts_without_being_told_where_its_state_is() -> None:
    run(*CONFINED, f"--volume={volume()}:/var/lib/corrective-drift", SERVICE, "migrate")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A service and an agent that reports to it each minute, on a network of their own; their containers."""
    tls = tmp_path_factory.mktemp("tls")
    network = docker("network", "create", "--label", LABEL, f"prism-test-{os.getpid()}").stdout.strip()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tls / "ca.pem")
    authority.issue_cert("drift").private_key_and_cert_chain_pem.write_to_path(tls / "drift.pem")
    for each in (tls, *tls.iterdir()):
        each.chmod(0o755)  # for the images' user

    def start(image: str, name: str, *options: str, arguments: tuple[str, ...]) -> str:
        mounts = (f"--volume={volume()}:/var/lib/{name}", f"--volume={tls}:/tls:ro")
        placed = ("--detach", "--label", LABEL, f"--network={network}", *CONFINED, *mounts, *options)
        return docker("run", *placed, image, *arguments).stdout.strip()

    pem = ("--tls-cert=/tls/drift.pem", "--tls-key=/tls/drift.pem")
    service = start(SERVICE, "corrective-drift", "--network-alias=drift", arguments=("serve", "--host=0.0.0.0", *pem))
    settings = {
        "ENDPOINT": "https://drift:8443/v1/collect", "CA_BUNDLE": "/tls/ca.pem", "REPORTING_INTERVAL_MINUTES": "1",
        "FLUSH_INTERVAL_SECONDS": "1", "MAX_RETRIES": "0", "RETRY_BACKOFF_SECONDS": "1",
    }  # fmt: skip
    told = [f"--env=TELEMETRY_{name}={value}" for name, value in settings.items()]
    return service, start(AGENT, "telemetry-agent", *told, f"--volume={CONFIG}", arguments=())


def metric(agent: str, name: str) -> float:
    """As it is promised to be looked at; 0 while nothing answers."""
    text = docker("exec", agent, "curl", "localhost:8080/metrics", check=False).stdout
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} ")), 0)


def collected_and_delivered(agent: str) -> tuple[int, int]:
    """How many documents were ever collected, and acknowledged, by the audit trail."""
    lines = docker("exec", agent, "telemetry-agent", "audit", "show").stdout.splitlines()
    told = [json.loads(line) for line in lines]
    return sum(each.get("documents", 0) for each in told if each["event"] == "collected"), sum(
        each.get("accepted", 0) for each in told if each["event"] == "delivered"
    )


def exit_code(container: str) -> str:
    return docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip()


def test_a_report_arrives_and_neither_a_stop_nor_a_kill_loses_one(started: tuple[str, str]) -> None:
    service, agent = started
    eventually(lambda: metric(agent, SENT) >= 1, agent)
    assert docker("exec", agent, "curl", "--fail", "localhost:8080/readyz").stdout.strip() == "ok"
    docker("stop", service)
    assert exit_code(service) == "0"
    eventually(lambda: metric(agent, WAITING) >= 1, agent)
    docker("stop", agent)
    assert exit_code(agent) == "0"
    docker("start", agent)
    eventually(lambda: metric(agent, WAITING) >= 1, agent)
    docker("kill", agent)
    assert exit_code(agent) == KILLED
    docker("start", service)
    docker("start", agent)
    eventually(lambda: metric(agent, SENT) >= 1, agent)
    eventually(lambda: collected_and_delivered(agent) in {(count, count) for count in range(3, 100)}, agent)
    assert json.loads(docker("exec", agent, "telemetry-agent", "audit", "verify").stdout)["intact"]


def test_what_is_orphaned_in_the_agents_container_leaves_no_zombie(started: tuple[str, str]) -> None:
    _, agent = started
    docker("start", agent)

    def states() -> str:
        # `docker top` doesn't list zombies: they have left the control group.
        return docker("exec", agent, "sh", "-c", "grep -h State: /proc/[0-9]*/status", check=False).stdout

    eventually(
        lambda: docker("exec", agent, "curl", "--fail", "localhost:8080/readyz", check=False).stdout == "ok\n", agent
    )
    docker("exec", agent, "python3", "-c", ORPHAN)
    time.sleep(1)
    eventually(lambda: "zombie" not in states(), agent)
