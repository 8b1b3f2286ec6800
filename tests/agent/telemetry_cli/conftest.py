"""The same place, service and strace as the daemon's tests have."""

from tests.agent.daemon.conftest import authority, ca_bundle, place, server_tls, service, strace

__all__ = ["authority", "ca_bundle", "place", "server_tls", "service", "strace"]
