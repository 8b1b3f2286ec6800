"""The community's baselines for who compares by hand: downloaded whole, and kept for a week.

Only the address of the service is asked, for the same file that everybody gets; what is compared stays here.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.delivery.answers import Failure, Reply
from agent.delivery.endpoint import Endpoint
from agent.delivery.send import Client
from agent.delivery.service_calls import ServiceCalls
from agent.errors import NotAllowed
from agent.privacy.stops import Stop
from agent.results.baseline_store import read_baselines, refresh
from agent.settings import Settings
from probes.errors import InvalidRequest, Unavailable
from probes.measure.baselines import Release, read_release

Fetch = Callable[[], Reply | Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A release as it is kept here."""

    release: Release
    as_of: datetime
    """When the service gave it."""
    trouble: str | None
    """Why it couldn't be asked now; None where it was, or was not long ago."""


def fetch_from(settings: Settings, service: str | None) -> tuple[str, Fetch]:
    """Return the address of the service, the configured one if None, and how to ask it. Raises InvalidSettings."""
    telemetry, environment = settings.configuration.telemetry, settings.environment
    endpoint = Endpoint(
        service=service or telemetry.service,
        ca_bundle=telemetry.ca_bundle,
        proxy=environment.proxy,
        no_proxy=environment.no_proxy,
        # Somebody who names it on the command line means this machine; nothing but the request leaves.
        allow_http_loopback=service is not None or telemetry.allow_http_loopback,
    )
    client = Client(endpoint, may_send=lambda: Stop.DO_NOT_TRACK if environment.do_not_track else None)
    return endpoint.service, ServiceCalls(client).baselines


def latest(service: str, fetch: Fetch, *, directory: Path, now: datetime | None = None) -> Kept:
    """Return the service's latest release, as far as it can be reached; else the one that is kept in `directory`.

    Raises Unavailable where there is neither, InvalidRequest for an address that serves something else, StateUnusable.
    """
    path = directory / f"{hashlib.sha256(service.encode()).hexdigest()[:16]}.json"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"can't keep baselines in {directory} ({error.strerror}): set XDG_CACHE_HOME") from error
    trouble = None

    def asked() -> Reply | Failure:
        nonlocal trouble
        answer = fetch()
        trouble = _trouble(answer)
        # What is no release must not take the place of one.
        return Failure.BROKEN_OFF if trouble is not None else answer

    try:
        refresh(path, asked, now or datetime.now(UTC))
    except NotAllowed as error:
        trouble = str(error)
    kept = read_baselines(path)
    if kept is None:
        raise Unavailable(f"can't fetch the community's baselines from {service} ({trouble}): name it by --service URL")
    try:
        return Kept(release=read_release(json.dumps(kept.release)), as_of=kept.fetched_at, trouble=trouble)
    except ValueError as error:
        raise InvalidRequest(f"{service}: {error}") from error


def _trouble(answer: Reply | Failure) -> str | None:
    if isinstance(answer, Failure):
        return answer.value
    if answer.status != 200:
        return f"it answered {answer.status}"
    try:
        read_release(answer.body)
    except ValueError as error:
        return str(error)
    return None
