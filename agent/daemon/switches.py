"""Whatever can stop the agent, read anew each time: revoking must act on a request that is about to go."""

from agent.configuration import Configuration
from agent.delivery.outbox_rows import Halt
from agent.privacy.consent import Asked, ConsentRecord, bound, read_consent
from agent.privacy.stops import Stop, Switches, first_stop
from agent.settings import Settings
from agent.state import State
from agent.wire.fields import schema_digest


def asked(configuration: Configuration) -> Asked:
    """Return what a configuration asks to collect, in the schema of this version."""
    telemetry = configuration.telemetry
    return Asked(
        level=telemetry.privacy_level,
        data_types=telemetry.collection_rules.data_types,
        schema_digest=schema_digest(),
    )


def consent_in_force(settings: Settings, state: State) -> ConsentRecord | None:
    """Return the consent that is kept, or that the configuration's section makes. Raises StateUnusable."""
    return bound(read_consent(state.consent), settings.configuration.consent, asked(settings.configuration))


def stop_now(settings: Settings, state: State, halt: Halt | None) -> Stop | None:
    """Return what stands against collecting and sending; `halt` is the outbox's. Raises StateUnusable."""
    if halt is Halt.CONSENT_STALE:
        return _stop(settings, state, gone=False) or Stop.CONSENT_STALE
    return _stop(settings, state, gone=halt is Halt.GONE)


def _stop(settings: Settings, state: State, *, gone: bool) -> Stop | None:
    wanted, record = asked(settings.configuration), consent_in_force(settings, state)
    return first_stop(
        Switches(
            do_not_track=settings.environment.do_not_track,
            switched_off=settings.environment.switched_off,
            enabled=settings.configuration.telemetry.enabled,
            consented=None if record is None else record.consented,
            level=wanted.level,
            data_types=wanted.data_types,
            schema_digest=wanted.schema_digest,
            service_gone=gone,
        )
    )
