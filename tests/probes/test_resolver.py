import json

import pytest

from probes import resolver

POD = """search default.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
"""


def test_the_configuration_of_a_pod_is_read() -> None:
    found = resolver.parse_resolv_conf(POD, {})
    assert found.servers == ("10.96.0.10",)
    assert found.search_domains == 3
    assert found.options == {"ndots": 5, "timeout": 5, "attempts": 2}


def test_the_last_search_list_counts_and_a_domain_is_a_list_of_one() -> None:
    assert resolver.parse_resolv_conf("search a b c\ndomain d\n", {}).search_domains == 1


def test_variables_override_the_file() -> None:
    found = resolver.parse_resolv_conf(POD, {"LOCALDOMAIN": "one two", "RES_OPTIONS": "ndots:2 timeout:1"})
    assert found.search_domains == 2
    assert found.options == {"ndots": 2, "timeout": 1, "attempts": 2}


def test_bounds_are_those_of_the_library() -> None:
    text = "options ndots:99 timeout:99 attempts:99 rotate\n" + "nameserver 192.0.2.1\n" * 5
    found = resolver.parse_resolv_conf(text, {})
    assert found.options == {"ndots": 15, "timeout": 30, "attempts": 5}
    assert len(found.servers) == 3


@pytest.mark.parametrize("text", ["", "# nothing\n; at all\n", "nameserver\noptions ndots:many\nsearch\n"])
def test_a_file_that_says_nothing_leaves_the_defaults(text: str) -> None:
    found = resolver.parse_resolv_conf(text, {})
    assert (found.servers, found.search_domains) == ((), 0)
    assert found.options == {"ndots": 1, "timeout": 5, "attempts": 2}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("passwd: files\nhosts:   files  mdns4_minimal [NOTFOUND=return] dns # as usual\n",
         "files mdns4_minimal [NOTFOUND=return] dns"),
        ("", "files dns"),
    ],
)  # fmt: skip
def test_the_order_of_services_is_read(text: str, order: str) -> None:
    assert resolver.parse_hosts_order(text) == order


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        ("127.0.0.53", "systemd-resolved"), ("127.0.0.1", "loopback server"), ("::1", "loopback server"),
        ("169.254.20.10", "link-local server"), ("fe80::1%eth0", "link-local server"),
        ("10.96.0.10", "none seen"), ("nonsense", "none seen"),
    ],
)  # fmt: skip
def test_a_local_cache_is_recognized_by_where_it_listens(server: str, kind: str) -> None:
    assert resolver.kind_of_cache(server) == kind


def test_what_is_told_of_this_machine_holds_no_address() -> None:
    facts = resolver.describe()
    addresses = resolver.parse_resolv_conf(resolver._read("/etc/resolv.conf"), {}).servers
    assert not any(address in json.dumps(facts) for address in addresses)
