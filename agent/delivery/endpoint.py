"""Where telemetry goes, over which way, and what may never be: plain http beyond this machine, an unknown proxy."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import httpcore

from agent.address import is_loopback
from agent.errors import InvalidSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The service. Raises InvalidSettings for an address that must not be used."""

    service: str
    """The address before `/v1/…`."""
    ca_bundle: Path | None = None
    """Trusted instead of the system's certificates, PEM."""
    proxy: str | None = None
    no_proxy: Sequence[str] = ()
    allow_http_loopback: bool = False
    token: str | None = field(default=None, repr=False)
    """Proves that it is this cluster; never goes with what is anonymous."""
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.service)
        if not parts.hostname or not _has_port(parts) or parts.username is not None or parts.query or parts.fragment:
            raise InvalidSettings("the endpoint is no address of a service: give https://HOST[:PORT][/PATH]")
        if parts.scheme != "https" and not (
            parts.scheme == "http" and self.allow_http_loopback and is_loopback(parts.hostname)
        ):
            raise InvalidSettings(
                "the endpoint would send in the clear: use https (allow_http_loopback is for this machine only)"
            )
        proxy = urlsplit(self.proxy or "")
        if self.proxy and (proxy.scheme not in {"http", "https"} or not proxy.hostname or not _has_port(proxy)):
            raise InvalidSettings("the proxy in the environment must be http://HOST:PORT or https://HOST:PORT")

    @property
    def is_plain(self) -> bool:
        """Whether it is http, on this very machine."""
        return self.service.startswith("http:")

    def proxy_used(self, tls: ssl.SSLContext | None) -> httpcore.Proxy | None:
        """Return the proxy, None for a direct connection; what is loopback never leaves the machine."""
        host = urlsplit(self.service).hostname or ""
        if not self.proxy or is_loopback(host) or is_exempt(host, self.no_proxy):
            return None
        parts = urlsplit(self.proxy)
        auth = None
        if parts.username is not None:
            auth = (unquote(parts.username), unquote(parts.password or ""))
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=port, target="/")
        return httpcore.Proxy(address, auth=auth, ssl_context=tls if parts.scheme == "https" else None)


def is_exempt(host: str, no_proxy: Sequence[str]) -> bool:
    """Tell whether `NO_PROXY` names the host: itself, a domain that it is in, a network, or `*` for all."""
    return any(_names(entry.strip().lower(), host.lower()) for entry in no_proxy)


def _has_port(parts: SplitResult) -> bool:
    """Tell whether the port, where one is named, is one."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _names(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        domain = entry.rpartition(":")[0] if entry.rpartition(":")[2].isdigit() else entry
        domain = domain.lstrip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))
