"""A flush put together out of settings, state, and the consent in force."""

import random
import time

from agent.configuration import Telemetry
from agent.daemon.switches import consent_in_force, stop_now
from agent.delivery.audit import Trail
from agent.delivery.backoff import Backoff
from agent.delivery.flush import Delivery
from agent.delivery.outbox import Outbox
from agent.delivery.outbox_seal import Ripeness
from agent.delivery.send import Client
from agent.delivery.service import endpoint_of
from agent.privacy.consent import ConsentRecord
from agent.privacy.install_secret import prepare_keys
from agent.privacy.stops import Stop
from agent.settings import Settings
from agent.state import State


def client_under(settings: Settings, state: State, outbox: Outbox, consent: ConsentRecord) -> Client:
    """Return a client that asks before each request whether this consent is still in force. Raises StateUnusable."""

    def may_send() -> Stop | None:
        stop = stop_now(settings, state, outbox.service().halt)
        current = consent_in_force(settings, state)
        if stop is None and (current is None or current.digest != consent.digest):
            # Another consent may have come with other identifiers: see `agent.daemon.consent_changes`.
            return Stop.CONSENT_STALE
        return stop

    return Client(endpoint_of(settings, prepare_keys(state.secret)), may_send=may_send)


def delivery_of(settings: Settings, outbox: Outbox, client: Client, trail: Trail, consent: ConsentRecord) -> Delivery:
    """Return what flushes the outbox under a consent."""
    telemetry = settings.configuration.telemetry
    return Delivery(
        outbox=outbox,
        client=client,
        trail=trail,
        backoff=Backoff(
            base_seconds=telemetry.retry_backoff_seconds,
            max_retries=telemetry.max_retries,
            flush_interval_seconds=telemetry.flush_interval_seconds,
        ),
        batch_size=telemetry.batch_size,
        consent_digest=consent.digest,
        consented_at=consent.latest_act_at,
        unix_seconds=time.time,
        rng=random.SystemRandom(),
    )


def everything(telemetry: Telemetry) -> Ripeness:
    """Return the ripeness by which all that waits is put into batches; each leaves at its own time nevertheless."""
    return Ripeness(
        batch_size=telemetry.batch_size, flush_interval_seconds=telemetry.flush_interval_seconds, everything=True
    )
