"""Where a request goes: addresses that are refused, proxies and what goes past them, credentials that stay unseen."""

import pytest

from agent.delivery.endpoint import Endpoint, is_exempt
from agent.errors import InvalidSettings
from tests.agent.delivery.parts import TOKEN


@pytest.mark.parametrize(
    ("service_url", "allowed"),
    [
        ("http://127.0.0.1:9", False),
        ("http://telemetry.example", True),
        ("http://10.0.0.1", True),
        ("http://localhost.example", True),
        ("http://0.0.0.0:9", True),
        ("ftp://127.0.0.1", True),
        ("https://", True),
        ("https://user@telemetry.example", True),
        ("telemetry.example", True),
        ("https://telemetry.example:0", True),
        ("https://telemetry.example:99999", True),
        ("https://telemetry.example:x", True),
    ],
)
def test_an_address_that_would_send_in_the_clear_is_refused(service_url: str, allowed: bool) -> None:  # noqa: FBT001
    with pytest.raises(InvalidSettings) as raised:
        Endpoint(service=service_url, allow_http_loopback=allowed)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost"])
def test_plain_http_needs_loopback_and_an_explicit_flag(host: str) -> None:
    assert Endpoint(service=f"http://{host}:9", allow_http_loopback=True).is_plain


@pytest.mark.parametrize(
    ("host", "entries", "exempt"),
    [
        ("telemetry.example", ["example"], True),
        ("telemetry.example", [".example"], True),
        ("telemetry.example", ["telemetry.example:443"], True),
        ("telemetry.example", ["elemetry.example"], False),
        ("telemetry.example", ["", "other"], False),
        ("telemetry.example", ["*"], True),
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("10.1.2.3", ["10.1.2.4"], False),
        ("fd00::1", ["fd00::/8"], True),
    ],
)
def test_no_proxy_names_hosts_domains_and_networks(host: str, entries: list[str], exempt: bool) -> None:  # noqa: FBT001
    assert is_exempt(host, entries) is exempt


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "127.0.0.1:3128", "http://", "http://proxy:x"])
def test_a_proxy_of_another_kind_is_refused(proxy: str) -> None:
    with pytest.raises(InvalidSettings, match="proxy in the environment"):
        Endpoint(service="https://telemetry.example", proxy=proxy)


def test_credentials_are_not_in_what_is_printed() -> None:
    endpoint = Endpoint(service="https://telemetry.example", token=TOKEN, api_key="the-key")
    assert TOKEN not in repr(endpoint)
    assert "the-key" not in repr(endpoint)
