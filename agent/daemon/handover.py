"""The settings on their way from the process that read them to those that work by them.

They are read and checked once, when the agent starts: a configuration that changes meanwhile acts at the next start,
all of it at once. The resident process then goes without the libraries that read and check (25 MB of memory), and takes
the few values that it needs; a child takes all.
"""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """What the resident process needs to know."""

    reporting_interval: timedelta
    probe_interval: timedelta
    probes: bool
    """Whether this level and its data types have probe Jobs launched."""
    window: str | None
    flush_interval: timedelta
    level: str
    listen: str
    log_format: str
    state_directory: Path
    handed_over: bytes
    """All of it, for children."""


def handed_over(settings: "Settings") -> bytes:
    """Return settings as JSON, for `resident` and `taken_over`."""
    return json.dumps(
        {
            "configuration": settings.configuration.model_dump(mode="json"),
            "environment": asdict(settings.environment),
            "sources": settings.sources,
            "state_directory": str(settings.state_directory),
        }
    ).encode()


def resident(text: bytes) -> Resident:
    """Return what the resident process needs."""
    values: dict[str, Any] = json.loads(text)
    telemetry, probes = values["configuration"]["telemetry"], values["configuration"]["probes"]
    return Resident(
        reporting_interval=timedelta(minutes=telemetry["reporting_interval_minutes"]),
        probe_interval=timedelta(minutes=probes["interval_minutes"]),
        probes=telemetry["privacy_level"] == "detailed" and telemetry["collection_rules"]["collect_benchmarks"],
        window=probes["window"],
        flush_interval=timedelta(seconds=telemetry["flush_interval_seconds"]),
        level=telemetry["privacy_level"],
        listen=telemetry["listen"],
        log_format=telemetry["log_format"],
        state_directory=Path(values["state_directory"]),
        handed_over=text,
    )


def taken_over(text: bytes) -> "Settings":
    """Return the settings as they were handed over."""
    from agent.configuration import Configuration  # noqa: PLC0415  the resident process does without pydantic
    from agent.settings import Environment, Settings  # noqa: PLC0415  the same

    values: dict[str, Any] = json.loads(text)
    environment = values["environment"]
    return Settings(
        configuration=Configuration.model_validate(values["configuration"]),
        environment=Environment(**environment | {"no_proxy": tuple(environment["no_proxy"])}),
        sources=tuple(values["sources"]),
        state_directory=Path(values["state_directory"]),
    )
