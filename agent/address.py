"""What several readers of addresses must agree on. Pure."""

import ipaddress

COLLECT_PATH = "/v1/collect"
"""Where reports are posted, below the service's address."""


def is_loopback(host: str) -> bool:
    """Tell whether this is surely the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
