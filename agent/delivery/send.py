"""The only file that opens a connection which carries telemetry.

Each request has a connection of its own, asks first whether it may, trusts TLS 1.3 alone, follows no redirect, ends by
one deadline and reads a bounded answer. How it ended is a value: `agent.delivery.answers` says what it means.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpcore

from agent.address import COLLECT_PATH
from agent.delivery.answers import Failure, Reply
from agent.delivery.batch import Batch, headers
from agent.delivery.deadline import DeadlineBackend
from agent.delivery.endpoint import Endpoint
from agent.errors import InvalidSettings, NotAllowed
from agent.levels import Level
from agent.privacy.stops import Stop

# A receipt is 200 bytes; what else answers may explain itself.
LARGEST_RECEIPT_BYTES = 64 * 1024
# The same for all installations of all versions: it must not tell them apart.
_USER_AGENT = "prism-telemetry-agent"

# The first that fits the error or what it came from.
_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (httpcore.ProxyError, Failure.PROXY),
    (httpcore.TimeoutException, Failure.TIMEOUT),
    (ssl.SSLCertVerificationError, Failure.CERTIFICATE),
    # A server that hangs up in mid-sentence is no matter of versions.
    (ssl.SSLEOFError, Failure.BROKEN_OFF),
    (ssl.SSLZeroReturnError, Failure.BROKEN_OFF),
    (ssl.SSLError, Failure.TLS),
    (httpcore.ConnectError, Failure.UNREACHABLE),
    (Exception, Failure.BROKEN_OFF),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a request may take."""

    step_seconds: float = 10.0
    """For connecting, and for each read and write."""
    total_seconds: float = 30.0
    """For all of it: a service that is slower than this is asked again later."""


class Client:
    """Sends batches, and whatever else the service is asked."""

    def __init__(
        self, endpoint: Endpoint, *, may_send: Callable[[], Stop | None], patience: Patience | None = None
    ) -> None:
        self._endpoint = endpoint
        self._may_send = may_send
        self._patience = patience or Patience()
        self._tls = None if endpoint.is_plain else _tls(endpoint)

    def send(self, batch: Batch) -> Reply | Failure:
        """Post a batch. What is minimal goes without anything that tells who sends. Raises NotAllowed."""
        anonymous = batch.level is Level.MINIMAL
        return self.request("POST", COLLECT_PATH, body=batch.body, extra=headers(batch), anonymous=anonymous)

    def request(
        self,
        method: str,
        path: str,
        *,
        anonymous: bool,
        body: bytes = b"",
        extra: Mapping[str, str] | None = None,
        largest_bytes: int = LARGEST_RECEIPT_BYTES,
    ) -> Reply | Failure:
        """Make one request on a connection of its own. Raises NotAllowed where a stop stands against it."""
        stop = self._may_send()
        if stop is not None:
            raise NotAllowed(stop.remedy)
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
        sent["Connection"] = "close"
        sent |= {} if anonymous else self._credentials()
        sent |= dict(extra or {})
        try:
            return self._exchange(method, path, sent, body, largest_bytes)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError) as error:
            return _failure(error)

    def _exchange(
        self, method: str, path: str, sent: dict[str, str], body: bytes, largest_bytes: int
    ) -> Reply | Failure:
        limits = dict.fromkeys(("connect", "read", "write", "pool"), self._patience.step_seconds)
        with (
            httpcore.ConnectionPool(
                ssl_context=self._tls,
                proxy=self._endpoint.proxy_used(self._tls),
                max_connections=1,
                network_backend=DeadlineBackend(self._patience.total_seconds),
            ) as pool,
            pool.stream(
                method,
                self._endpoint.service.rstrip("/") + path,
                headers=list(sent.items()),
                content=body,
                extensions={"timeout": limits},
            ) as response,
        ):
            received = bytearray()
            for chunk in response.iter_stream():
                received += chunk
                if len(received) > largest_bytes:
                    return Failure.OVERSIZED
        return _reply(response, bytes(received))

    def _credentials(self) -> dict[str, str]:
        named = {}
        if self._endpoint.token is not None:
            named["Authorization"] = f"Bearer {self._endpoint.token}"
        if self._endpoint.api_key is not None:
            named["Prism-Api-Key"] = self._endpoint.api_key
        return named


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    # Not ssl.create_default_context: that one writes the keys of each session where SSLKEYLOGFILE says.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if endpoint.ca_bundle is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(endpoint.ca_bundle)
    except OSError as error:
        raise InvalidSettings(
            f"can't use the certificates in {endpoint.ca_bundle} ({error.strerror or 'no certificate in it'}): "
            f"telemetry.ca_bundle must name a PEM file"
        ) from error
    return context


def _reply(response: httpcore.Response, body: bytes) -> Reply:
    found = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    return Reply(
        status=response.status,
        body=body,
        retry_after=found.get(b"retry-after"),
        date=found.get(b"date"),
    )


def _failure(error: Exception) -> Failure:
    # httpcore keeps what the socket raised as an argument; it drops the __cause__.
    raised = (error, *error.args)
    return next(failure for kind, failure in _FAILURES if any(isinstance(each, kind) for each in raised))
