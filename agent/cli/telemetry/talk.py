"""How a command talks to the service, and what its answers mean to a person."""

import json
from typing import Any

from agent.cli.telemetry.opened import Opened
from agent.delivery.answers import Failure, Reply
from agent.delivery.send import Client
from agent.delivery.service import endpoint_of
from agent.delivery.service_calls import ServiceCalls
from agent.errors import NotAllowed, StateUnusable
from agent.levels import Level
from agent.privacy.install_secret import read_keys
from agent.privacy.keys import Keys
from agent.privacy.stops import Stop

# What a person does about the own data is no telemetry: neither a disabled agent nor a revoked consent stands against
# it. Who wants no connection at all is heard nevertheless.
_FOR_ALL = frozenset({Stop.DO_NOT_TRACK, Stop.SWITCHED_OFF})


def keys_of(opened: Opened) -> Keys:
    """Return the keys of this installation. Raises NotAllowed where it never sent anything that names it."""
    keys = read_keys(opened.state.secret)
    if keys is None:
        raise NotAllowed("this agent has never sent anything: the service knows nothing of it")
    if opened.configuration.telemetry.privacy_level is Level.MINIMAL:
        raise NotAllowed(
            "what is sent at the level minimal can't be told from others': the service could not find it "
            "(the pseudonyms of a week are dropped when it closes)"
        )
    return keys


def calls(opened: Opened, keys: Keys) -> ServiceCalls:
    """Return the calls to the service, by what a person asked for."""

    def may_send() -> Stop | None:
        stop = opened.stop()
        return stop if stop in _FOR_ALL else None

    return ServiceCalls(Client(endpoint_of(opened.settings, keys), may_send=may_send))


def answered(answer: Reply | Failure, what: str) -> dict[str, Any]:
    """Return the JSON of a good answer. Raises StateUnusable that says what came instead."""
    if isinstance(answer, Failure):
        raise StateUnusable(f"can't {what}: the service can't be reached ({answer}): try again later")
    if not 200 <= answer.status < 300:
        raise StateUnusable(f"can't {what}: the service answered {answer.status}")
    try:
        found = json.loads(answer.body or b"{}")
    except ValueError as error:
        raise StateUnusable(f"can't {what}: the service's answer is no JSON: is this its address?") from error
    return found if isinstance(found, dict) else {"answer": found}
