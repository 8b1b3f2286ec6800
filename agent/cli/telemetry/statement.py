"""What the agent says before it does anything: what it collects, where it goes, how to stop it. Pure."""

from collections.abc import Iterator

from agent.levels import DataType, Level
from agent.privacy.stops import Stop
from agent.settings import Settings

_WHAT = {
    DataType.CLUSTER_INFO: (
        Level.MINIMAL,
        "version, distribution, provider, region, nodes, CPU and memory, in buckets",
    ),
    DataType.RESOURCE_USAGE: (Level.STANDARD, "how much of the nodes is requested and used"),
    DataType.WORKLOAD_TYPES: (Level.STANDARD, "how many workloads of each kind there are, never their names"),
    DataType.PLATFORM_FEATURES: (Level.STANDARD, "cells, Prism features, monitoring and eBPF tools, from a fixed list"),
    DataType.NETWORK_POLICIES: (Level.DETAILED, "the shapes of network policies, never addresses or selectors"),
    DataType.BENCHMARKS: (Level.DETAILED, "what short-lived probe Jobs measure: startup, network, storage, DNS"),
}
_IDENTITY = {
    Level.MINIMAL: "anonymous: no identifier of this cluster, one fragment at a time",
    Level.STANDARD: "de-identified: under a random-looking cluster id, no names, not even hashed",
    Level.DETAILED: "pseudonymized: under a cluster id, objects under keyed digests that change every month",
}


def statement(settings: Settings) -> Iterator[str]:
    """Yield lines in plain words."""
    configuration, telemetry = settings.configuration, settings.configuration.telemetry
    off = _off(settings)
    if off is not None:
        yield f"The agent is off: {off.remedy}. Nothing is collected, nothing is sent."
        return
    level, rules = telemetry.privacy_level, telemetry.collection_rules
    yield f"Level {level}: {_IDENTITY[level]}."
    yield f"Every {telemetry.reporting_interval_minutes} minutes it collects:"
    for data_type, (lowest, what) in _WHAT.items():
        if level.includes(lowest) and data_type in rules.data_types:
            yield f"  - {what}"
    how = "over TLS 1.3" if telemetry.endpoint.startswith("https:") else "in the clear, for it is this very machine"
    yield f"It sends this to {telemetry.endpoint} {how}, and nowhere else."
    if level is Level.DETAILED and DataType.BENCHMARKS in rules.data_types:
        probes = configuration.probes
        window = f", only between {probes.window} UTC" if probes.window else ""
        yield f"Probe Jobs run every {probes.interval_minutes} minutes with the profile {probes.profile}{window}."
    if configuration.consent is None:
        yield "Nobody has consented in the configuration: without `telemetry-agent consent grant` nothing is done."
    yield "To see exactly what would be sent: telemetry-agent preview. To stop: telemetry-agent consent revoke,"
    yield 'or enabled "false" in the ConfigMap telemetry-config, or DO_NOT_TRACK=1.'


def _off(settings: Settings) -> Stop | None:
    """Return what switches the agent off, whoever consents."""
    switches = {
        Stop.DO_NOT_TRACK: settings.environment.do_not_track,
        Stop.SWITCHED_OFF: settings.environment.switched_off,
        Stop.NOT_ENABLED: not settings.configuration.telemetry.enabled,
    }
    return next((stop for stop, holds in switches.items() if holds), None)
