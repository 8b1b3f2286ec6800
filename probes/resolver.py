"""How this machine looks names up: resolv.conf(5), nsswitch.conf(5) and what caches in between. No address is told."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from probes.measure.result import Facts

# What glibc does with what resolv.conf leaves open, and its upper bounds (resolv.conf(5)).
_DEFAULTS = {"ndots": 1, "timeout": 5, "attempts": 2}
_BOUNDS = {"ndots": 15, "timeout": 30, "attempts": 5}
_MOST_SERVERS = 3
# systemd-resolved(8) listens there; nscd(8) is asked through its socket, before any server.
_SYSTEMD_STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
_NSCD_SOCKETS = ("/run/nscd/socket", "/var/run/nscd/socket")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverConfiguration:
    """The part of resolv.conf that decides how many queries a look-up takes."""

    servers: tuple[str, ...]
    """Addresses; never told."""
    search_domains: int
    options: Mapping[str, int]
    """`ndots`, `timeout` (seconds) and `attempts`."""


def describe() -> Facts:
    """Return counts and kinds, without any name or address."""
    configuration = parse_resolv_conf(_read("/etc/resolv.conf"), os.environ)
    return {
        "servers": len(configuration.servers),
        "search_domains": configuration.search_domains,
        "ndots": configuration.options["ndots"],
        "server_timeout_seconds": configuration.options["timeout"],
        "server_attempts": configuration.options["attempts"],
        "hosts_order": parse_hosts_order(_read("/etc/nsswitch.conf")),
        "local_cache": _local_cache(configuration.servers),
    }


def parse_resolv_conf(text: str, environment: Mapping[str, str]) -> ResolverConfiguration:
    """Read the text of resolv.conf and the variables that override it, LOCALDOMAIN and RES_OPTIONS."""
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] not in "#;"]
    # Of several search lists the last one counts; `domain` is a list of one.
    lists = [words[1:] for words in lines if words[0] in {"search", "domain"}]
    search = environment["LOCALDOMAIN"].split() if "LOCALDOMAIN" in environment else (lists or [[]])[-1]
    options = [word for words in lines if words[0] == "options" for word in words[1:]]
    return ResolverConfiguration(
        servers=tuple(words[1] for words in lines if words[0] == "nameserver" and words[1:])[:_MOST_SERVERS],
        search_domains=len(search),
        options=_DEFAULTS | _numbers([*options, *environment.get("RES_OPTIONS", "").split()]),
    )


def parse_hosts_order(text: str) -> str:
    """Return the services that are asked for host names in their order; glibc's own where nsswitch.conf has none."""
    lines = (line.partition("#")[0].partition(":") for line in text.splitlines())
    return next((" ".join(value.split()) for key, _, value in lines if key.strip() == "hosts"), "files dns")


def kind_of_cache(server: str) -> str:
    """Tell what kind of server stands at the address of the first one: most local ones cache."""
    if server in _SYSTEMD_STUBS:
        return "systemd-resolved"
    try:
        address = ip_address(server.partition("%")[0])
    except ValueError:
        return "none seen"
    if address.is_loopback:
        return "loopback server"
    # Where Kubernetes' NodeLocal DNSCache listens by convention.
    return "link-local server" if address.is_link_local else "none seen"


def _local_cache(servers: tuple[str, ...]) -> str:
    if any(Path(path).is_socket() for path in _NSCD_SOCKETS):
        return "nscd"
    # Without a server glibc asks the one on this machine.
    return kind_of_cache(servers[0] if servers else "127.0.0.1")


def _numbers(options: list[str]) -> dict[str, int]:
    pairs = (option.partition(":") for option in options)
    return {name: min(int(value), _BOUNDS[name]) for name, _, value in pairs if name in _BOUNDS and value.isdecimal()}


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
