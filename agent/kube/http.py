"""Requests to the API server: bounded in time, repeated where that may help, and errors in our own terms."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3

from agent.kube.errors import Ask, Gone, is_passing, read_status, retry_after_seconds, to_error
from agent.kube.login import Login
from jobs.errors import JobsError, TryAgain, Unavailable

_CONNECT_SECONDS = 5.0
# The API server itself gives a request 60 s (--request-timeout); what takes half of that is better asked anew.
_READ_SECONDS = 30.0
_ATTEMPTS = 4
# Pauses of 0.2, 0.4, 0.8 s and so on, the half of them random, so that many clients don't return at once.
_FIRST_PAUSE_SECONDS = 0.2
# Longer wishes are passed on to the caller, who knows whether there is time.
LONGEST_PAUSE_SECONDS = 15.0
_JSON = "application/json"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A successful answer, read to its end."""

    body: bytes
    headers: urllib3.HTTPHeaderDict
    arrived_ns: int
    """When the last byte had been read."""


def pause_seconds(attempt: int, wish_seconds: float | None = None) -> float:
    """Return how long to wait after the failed `attempt`, counted from 0: what the server wishes, or exponentially."""
    if wish_seconds is not None:
        return max(0.0, wish_seconds)
    longest = min(LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0**attempt)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads load, keeps no secret


class Transport:
    """Sends requests as the user of `login`. Every method may be called from any thread."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def call(
        self, ask: Ask, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Answer:
        """Return the answer to a request. Raises what `agent.kube.errors.to_error` makes of a bad one.

        429 (after the wait that the server wishes), 5xx, lost connections and conflicts are repeated up to three times.
        We change no object, so that a conflict is one of the server's own bookkeeping, such as that of quotas.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._attempt(ask, method, path, query, body)
            except Gone:
                raise
            except TryAgain as error:
                pause = pause_seconds(attempt, error.retry_after_seconds)
                if attempt == _ATTEMPTS - 1 or pause > LONGEST_PAUSE_SECONDS:
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, ask: Ask, method: str, path: str, query: Mapping[str, Any] | None, body: Any) -> Answer:
        encoded = None if body is None else _encode(body)
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        with _lost_connections(ask):
            response = self._send(method, _target(path, query), encoded, timeout, preload=True)
        arrived_ns = time.monotonic_ns()
        if response.status >= 400:
            raise error_of(ask, response)
        return Answer(body=response.data, headers=response.headers, arrived_ns=arrived_ns)

    def open_stream(
        self, ask: Ask, path: str, query: Mapping[str, Any], read_seconds: float, *, accept: str = _JSON
    ) -> urllib3.BaseHTTPResponse:
        """Return an answer whose body is still to come, to be closed by the caller. One attempt; raises as `call`."""
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds)
        with _lost_connections(ask):
            response = self._send("GET", _target(path, query), None, timeout, preload=False, accept=accept)
            if response.status < 400:
                return response
            try:
                raise error_of(ask, response)
            finally:
                response.close()

    def _send(
        self,
        method: str,
        target: str,
        encoded: bytes | None,
        timeout: urllib3.Timeout,
        *,
        preload: bool,
        accept: str = _JSON,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": accept, "User-Agent": "prism-telemetry-agent", **self._login.headers()}
        if encoded is not None:
            headers["Content-Type"] = "application/json"
        return self._login.pool.request(
            method,
            self._login.host + target,
            body=encoded,
            headers=headers,
            timeout=timeout,
            preload_content=preload,
            redirect=False,
        )


def _target(path: str, query: Mapping[str, Any] | None) -> str:
    return path + (f"?{urlencode(query)}" if query else "")


@contextmanager
def _lost_connections(ask: Ask) -> Iterator[None]:
    try:
        yield
    except urllib3.exceptions.SSLError as error:
        # A certificate that isn't trusted won't be so a second later.
        raise Unavailable(f"can't {ask}: no trusted TLS connection to the API server: check the kubeconfig") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        kind = type(error).__name__
        raise TryAgain(f"can't {ask}: no answer from the API server ({kind}): is it reachable from here?") from error


def error_of(ask: Ask, response: urllib3.BaseHTTPResponse) -> JobsError:
    """Return the error that a bad answer, read to its end, is."""
    wish = None
    if is_passing(response.status):
        status = read_status(response.data)
        wish = retry_after_seconds(response.headers.get("Retry-After"), status, datetime.now(UTC))
    return to_error(ask, response.status, response.data, wish)
