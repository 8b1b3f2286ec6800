"""Alerts and dashboard: over metrics that the agent has, and firing when they should."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent.daemon.metrics import Metrics
from agent.daemon.tasks import Ending, Task, TaskReport
from agent.privacy.stops import Stop
from tests.deploy.objects import MONITORING, Json, one

ALERTS = MONITORING / "alerts.yaml"
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
_NAME = re.compile(r"\bprism_telemetry[a-z_]*(?::[a-z0-9_]+)*")
# Of the daemon, beside those of `Stop`.
_OTHER_REASONS = {"refused_by_service", "unchecked"}


def rules() -> list[Json]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [*panels, *(rule["expr"] for rule in rules())]


def exposed() -> dict[str, set[str]]:
    """Each metric that the agent has -> its labels."""
    metrics = Metrics()
    report = TaskReport(
        ending=Ending.DONE, statuses={"nodes": "ok"}, dropped={"lost": 1}, sent={"done": 1}, findings={"changed": 1}
    )
    metrics.note(Task.PROBE, report, now_seconds=0)
    metrics.note_pause("not_enabled")
    families = text_string_to_metric_families(metrics.text().decode())
    found: dict[str, set[str]] = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_metric_that_is_asked_for_exists() -> None:
    known = exposed().keys() | {rule["record"] for rule in rules() if "record" in rule}
    for expression in expressions():
        names = _NAME.findall(expression)
        assert names or "up{" in expression, expression
        for name in names:
            assert name in known, f"{name} in {expression}"


def test_every_label_that_is_asked_for_exists() -> None:
    known = exposed()
    for expression in expressions():
        for name, selector in re.findall(r"\b(prism_telemetry[a-z_]*)\{([^}]*)\}", expression):
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
                assert label in known[name], f"{label} in {expression}"


def test_every_metric_of_the_agent_is_on_the_dashboard() -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed()}
    assert [family for family in families if family not in shown] == []


def test_words_in_alerts_are_the_agents_own() -> None:
    text = ALERTS.read_text()
    (reasons,) = re.findall(r'reason=~"([^"]+)"', text)
    assert set(reasons.split("|")) <= {*(stop.value for stop in Stop), *_OTHER_REASONS}
    for endings in re.findall(r'ending[=!]~"([^"]+)"', text):
        assert set(endings.split("|")) <= set(Ending)


def test_a_pause_that_people_wanted_raises_no_alarm() -> None:
    (alert,) = (rule for rule in rules() if rule.get("alert") == "TelemetryAgentPaused")
    wanted = {Stop.DO_NOT_TRACK, Stop.SWITCHED_OFF, Stop.NOT_ENABLED, Stop.CONSENT_REVOKED, Stop.CONSENT_MISSING}
    assert not [stop for stop in wanted if stop in alert["expr"]]


def test_every_alert_says_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["annotations"].keys() == {"summary", "action"}


def test_panels_do_not_overlap_and_are_explained() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        assert panel["description"]


def test_the_operator_gets_the_same_alerts_and_the_same_dashboard(everything: tuple[Json, ...]) -> None:
    assert one(everything, "PrometheusRule", "telemetry-agent")["spec"] == yaml.safe_load(ALERTS.read_text())
    assert (
        json.loads(one(everything, "ConfigMap", "telemetry-agent-dashboard")["data"]["telemetry-agent.json"])
        == DASHBOARD
    )


def test_the_operator_scrapes_the_services_port(everything: tuple[Json, ...]) -> None:
    monitor, service = (
        one(everything, "ServiceMonitor", "telemetry-agent"),
        one(everything, "Service", "telemetry-agent"),
    )
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["spec"]["endpoints"]} <= {
        each["name"] for each in service["spec"]["ports"]
    }
    # Prometheus names a job after the Service.
    assert f'job="{service["metadata"]["name"]}"' in ALERTS.read_text()


@pytest.mark.parametrize("command", [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]])
def test_promtool_has_the_alerts_fire_and_keep_still(command: list[str]) -> None:
    promtool = shutil.which("promtool") or shutil.which("promtool", path=Path(sys.executable).parent)
    if promtool is None:
        pytest.skip("promtool is not there: scripts/promtool.sh brings it")
    ran = subprocess.run([promtool, *command], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_is_tried() -> None:
    tried = (MONITORING / "alerts_test.yaml").read_text()
    assert [rule["alert"] for rule in rules() if "alert" in rule and rule["alert"] not in tried] == []
