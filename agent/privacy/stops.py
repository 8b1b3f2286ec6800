"""Everything that stops the agent, in the order in which it is looked at: any one of them is enough. Pure.

Asked before anything is collected and again before each request that carries telemetry.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.levels import DataType, Level


class Stop(StrEnum):
    """Why nothing is collected or sent; the order is the order of asking."""

    DO_NOT_TRACK = "do_not_track"
    SWITCHED_OFF = "switched_off"
    NOT_ENABLED = "not_enabled"
    CONSENT_REVOKED = "consent_revoked"
    CONSENT_MISSING = "consent_missing"
    CONSENT_STALE = "consent_stale"
    NOT_CONSENTED_TO = "not_consented_to"
    SERVICE_GONE = "service_gone"

    @property
    def remedy(self) -> str:
        """What it means and what ends it, in one sentence."""
        return _REMEDIES[self]


_ANEW = "a consent section that is dated after that, at the next start"
_REMEDIES = {
    Stop.DO_NOT_TRACK: "DO_NOT_TRACK is set: unset it to let the agent work",
    Stop.SWITCHED_OFF: "TELEMETRY_ENABLED says no: unset it or set it to true",
    Stop.NOT_ENABLED: "telemetry.enabled is not true: the agent is opt-in",
    Stop.CONSENT_REVOKED: f"consent was revoked: `telemetry-agent consent grant` gives it again, and so does {_ANEW}",
    Stop.CONSENT_MISSING: "nobody has consented: add the consent section, or run `telemetry-agent consent grant`",
    Stop.CONSENT_STALE: (
        "what can be sent has changed since consent was given: read `telemetry-agent fields`, "
        f"then run `telemetry-agent consent grant`, or have {_ANEW}"
    ),
    Stop.NOT_CONSENTED_TO: (
        "the configuration asks for more than was consented to: lower it, or run `telemetry-agent consent grant`"
    ),
    Stop.SERVICE_GONE: (
        "the service takes no more reports (410), as after `telemetry-agent delete-data`: "
        f"`telemetry-agent consent grant` tries again, and so does {_ANEW}"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consented:
    """What was consented to, for comparison with what is asked."""

    level: Level
    data_types: frozenset[DataType]
    schema_digest: str
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Whatever can stop the agent, as it is now."""

    do_not_track: bool
    switched_off: bool
    enabled: bool
    consented: Consented | None
    level: Level
    data_types: frozenset[DataType]
    schema_digest: str
    service_gone: bool


def first_stop(switches: Switches) -> Stop | None:
    """Return the first reason against working, None where there is none."""
    consented = switches.consented
    reasons = {
        Stop.DO_NOT_TRACK: switches.do_not_track,
        Stop.SWITCHED_OFF: switches.switched_off,
        Stop.NOT_ENABLED: not switches.enabled,
        Stop.CONSENT_REVOKED: consented is not None and consented.revoked,
        Stop.CONSENT_MISSING: consented is None,
        Stop.CONSENT_STALE: consented is not None and consented.schema_digest != switches.schema_digest,
        Stop.NOT_CONSENTED_TO: consented is not None and not _covers(consented, switches),
        Stop.SERVICE_GONE: switches.service_gone,
    }
    return next((stop for stop in Stop if reasons[stop]), None)


def _covers(consented: Consented, switches: Switches) -> bool:
    return consented.level.includes(switches.level) and switches.data_types <= consented.data_types
