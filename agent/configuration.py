"""What the agent can be told: every key, its default and its bounds. Reading them is the matter of `agent.settings`."""

import ipaddress
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from agent.address import COLLECT_PATH, is_loopback
from agent.levels import DataType, Level

_WEEK_MINUTES = 7 * 24 * 60
_WINDOW = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
POLICY_VERSION = re.compile(r"^[0-9]{1,4}(\.[0-9]{1,4}){0,2}$")
# RFC 1123, as Kubernetes restricts names of namespaces and storage classes.
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


class Section(BaseModel):
    """A part of the configuration: a key that is not known here is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


class CollectionRules(Section):
    """What may be collected, apart from the level."""

    collect_cluster_info: bool = True
    collect_resource_usage: bool = True
    collect_workload_types: bool = True
    collect_platform_features: bool = True
    collect_network_policies: bool = True
    collect_benchmarks: bool = True
    anonymize_data: Literal[True] = True
    """Only true: this agent can send nothing that is not anonymized."""

    @property
    def data_types(self) -> frozenset[DataType]:
        """The data types that are switched on."""
        return frozenset(kind for kind in DataType if getattr(self, f"collect_{kind.value}"))


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be an address such as https://telemetry.example.org/v1/collect")
    if parts.username or parts.password:
        raise ValueError("must hold no user or password: the API key has a file of its own")
    if not parts.path.endswith(COLLECT_PATH) or parts.query or parts.fragment:
        raise ValueError(f"must end in {COLLECT_PATH}")
    return text


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT or :PORT, such as 127.0.0.1:8080")
    if host:
        ipaddress.ip_address(host.strip("[]"))
    return text


def _window(text: str) -> str:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError("must be HH:MM-HH:MM in UTC, such as 22:00-05:00")
    for each in match.groups():
        time.fromisoformat(each)
    return text


class Telemetry(Section):
    """What is collected, how often, and where it goes."""

    enabled: bool = False
    privacy_level: Level = Level.MINIMAL
    reporting_interval_minutes: int = Field(default=60, ge=1, le=_WEEK_MINUTES)
    endpoint: Annotated[str, AfterValidator(_endpoint)] = "https://telemetry.corrective-drift.com/v1/collect"
    collection_rules: CollectionRules = CollectionRules()
    local_retention_days: int = Field(default=7, ge=1, le=365)
    batch_size: int = Field(default=100, ge=1, le=1000)
    flush_interval_seconds: int = Field(default=300, ge=1, le=86_400)
    max_retries: int = Field(default=3, ge=0, le=20)
    retry_backoff_seconds: float = Field(default=30, gt=0, le=3600)
    state_dir: Path | None = None
    """Where secret, outbox, audit trail and history are kept; None chooses by who runs the agent."""
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"
    """Where /metrics, /healthz and /readyz are answered."""
    ca_bundle: Path | None = None
    """Certificates to trust instead of the system's, as PEM."""
    api_key_file: Path | None = None
    """A file that holds the optional API key, such as a mounted Secret."""
    allow_http_loopback: bool = False
    """Whether plain http to this very machine is allowed, for trials."""
    log_format: Literal["console", "json"] = "console"

    @model_validator(mode="after")
    def _http_only_to_loopback(self) -> "Telemetry":
        parts = urlsplit(self.endpoint)
        if parts.scheme == "http" and not (self.allow_http_loopback and is_loopback(parts.hostname or "")):
            raise ValueError("endpoint: http sends in the clear: use https (allow_http_loopback is for 127.0.0.1 only)")
        return self

    @property
    def service(self) -> str:
        """The address of the service: the endpoint without its last part."""
        return self.endpoint.removesuffix(COLLECT_PATH)


class Consent(Section):
    """A person's statement that this configuration may be followed."""

    timestamp: AwareDatetime
    version: Annotated[str, StringConstraints(pattern=POLICY_VERSION)]
    """The version of the privacy policy that was read."""
    privacy_policy_url: Annotated[str, StringConstraints(pattern=r"^https://[^\s]{1,500}$")]
    level: Level | None = None
    """The level that was consented to; None is the one that the configuration asks for at the first start."""
    schema_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{16,64}$")] | None = None
    """What `telemetry-agent fields` shows as its digest; None binds this consent to the schema of the first start."""


class Probes(Section):
    """Benchmarks by short-lived Jobs; only ever at the detailed level."""

    interval_minutes: int = Field(default=24 * 60, ge=60, le=31 * 24 * 60)
    profile: Literal["quick", "standard", "thorough"] = "quick"
    image: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-zA-Z0-9._:/@-]{0,511}$")] | None = None
    """None is the image of this agent's version."""
    namespace: _Name | None = None
    """None is the namespace that the agent runs in."""
    storage_classes: tuple[_Name, ...] = ()
    """Empty is the cluster's default class alone."""
    window: Annotated[str, AfterValidator(_window)] | None = None
    """The time of day in UTC in which Jobs may be started, such as 22:00-05:00; None is any."""


class Configuration(Section):
    """The whole configuration."""

    telemetry: Telemetry = Telemetry()
    consent: Consent | None = None
    probes: Probes = Probes()
