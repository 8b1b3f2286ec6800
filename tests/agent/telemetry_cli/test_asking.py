"""Questions before what can't be taken back."""

import pytest

from agent.privacy.install_secret import prepare_keys
from agent.state import State
from tests.agent.daemon.parts import Place
from tests.agent.delivery.service import Service


@pytest.mark.parametrize("command", [("token",), ("delete-data",), ("rotate-id",), ("consent", "grant")])
def test_where_nobody_can_answer_a_command_says_how_to_and_does_nothing(
    command: tuple[str, ...], place: Place, service: Service
) -> None:
    state = State(place.state)
    state.prepare()
    keys = prepare_keys(state.secret)
    secret = state.secret.read_bytes()
    asked = place.run(*command, input="")
    assert asked.returncode == 2
    assert asked.stdout.endswith("\n")
    assert asked.stderr == "telemetry-agent: nobody answered: give --yes, or a terminal (`kubectl exec -it`)\n"
    assert keys.token not in asked.stdout
    assert state.secret.read_bytes() == secret
    assert not state.consent.exists()
    assert service.connections == 0
