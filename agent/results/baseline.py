"""A baseline that somebody else measured, fetched by its address."""

from urllib.parse import urlsplit

import httpx

from agent.address import is_loopback
from probes.errors import InvalidRequest, Unavailable
from probes.measure.result import RunResult, read_results

# A run of all probes takes 10 to 30 KiB; what is a thousand times larger is something else.
_LARGEST_BYTES = 32 * 1024**2
_TIMEOUT_SECONDS = 10.0


def fetch(url: str) -> RunResult:
    """Return the result that `url` serves as JSON; nothing but the request itself leaves this machine.

    Raises InvalidRequest for an address that is not https (http is accepted from this machine itself) or holds no
    result, and Unavailable where it can't be fetched.
    """
    _check(url)
    try:
        with httpx.stream("GET", url, timeout=_TIMEOUT_SECONDS, headers={"Accept": "application/json"}) as response:
            response.raise_for_status()
            body = _bounded(response, url)
    except httpx.HTTPStatusError as error:
        raise Unavailable(f"{url} answered {error.response.status_code}: check the address") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"can't fetch {url} ({type(error).__name__}): check the address and the network") from error
    try:
        return read_results(body.decode())
    except ValueError as error:
        raise InvalidRequest(f"{url}: {error}") from error


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return
    raise InvalidRequest(f"{url} is not fetched: a baseline's address begins with https://")


def _bounded(response: httpx.Response, url: str) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _LARGEST_BYTES:
            raise InvalidRequest(f"{url} serves more than {_LARGEST_BYTES} bytes: it is not a result")
    return bytes(body)
