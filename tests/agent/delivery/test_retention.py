"""What is older than `local_retention_days` goes, also while nothing may be sent."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.daemon.cycle import Cycle
from agent.daemon.tasks import Ending, Task
from agent.delivery.audit import Trail
from agent.delivery.audit_events import IdRotated
from agent.delivery.outbox import Limits, opened
from agent.delivery.outbox_view import stats
from agent.log import Log
from agent.settings import load
from agent.state import State
from tests.agent.delivery.parts import CONSENT, WEEK, document


@pytest.mark.parametrize("task", [Task.START, Task.REPORT])
def test_a_paused_agent_keeps_nothing_for_longer(task: Task, tmp_path: Path) -> None:
    configuration = tmp_path / "config.yaml"
    configuration.write_text(f"telemetry: {{enabled: true, local_retention_days: 7, state_dir: {tmp_path / 'state'}}}")
    state = State(tmp_path / "state")
    state.prepare()
    Trail(state.audit, now=lambda: datetime.now(UTC) - timedelta(days=9)).append(IdRotated())
    with opened(state.outbox, Limits(age_seconds=WEEK)) as outbox:
        outbox.put([document(1), document(2)], consent_digest=CONSENT)
        outbox.connection.execute("UPDATE reports SET drop_at = 0.0 WHERE seq = 1")
    told = Cycle(load(configuration, {}), Log("json", io.StringIO())).perform(task)
    assert told.ending is Ending.PAUSED
    with opened(state.outbox, Limits(age_seconds=WEEK)) as outbox:
        assert stats(outbox).waiting_documents == 1
    left = [json.loads(line)["event"] for line in state.audit.read_text().splitlines()]
    assert "id_rotated" not in left
    assert left[0] == "rotated"
