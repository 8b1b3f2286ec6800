"""What a person signs in with at the service's pages."""

import json

from agent.privacy.install_secret import prepare_keys
from agent.state import State
from tests.agent.daemon.parts import Place
from tests.agent.delivery.service import Service


def test_the_token_is_shown_to_who_says_yes_and_nothing_is_connected_to(place: Place, service: Service) -> None:
    assert place.run("token", "--yes").returncode == 3
    assert not place.state.exists()
    State(place.state).prepare()
    keys = prepare_keys(State(place.state).secret)
    assert place.run("token", "--yes").stdout == f"cluster  {keys.cluster_id}\ntoken    {keys.token}\n"
    shown = json.loads(place.run("token", "--yes", "--format", "json").stdout)
    assert shown == {"cluster_id": keys.cluster_id, "token": keys.token}
    refused = place.run("token", input="n\n")
    assert refused.returncode == 130
    assert keys.token not in refused.stdout + refused.stderr
    assert keys.token in place.run("token", input="y\n").stdout
    assert service.connections == 0
