"""What the options about a cluster come to."""

from typing import Any

import pytest

from agent.cli.cluster_options import CLUSTER, LOCAL, ClusterOptions
from agent.cli.cluster_request import Asked, limits_of, overruled, request_of, site_of
from agent.results.probing import default_image
from jobs.guard import Limits
from jobs.plan import plan
from probes.errors import InvalidRequest
from probes.probe import Profile
from tests.jobs.factories import SECONDS, nodes


def asked(*probes: str, options: dict[str, Any] | None = None, **given: Any) -> Asked:
    return Asked(probes=probes, profile=Profile.QUICK, options=options or {}, cluster=ClusterOptions(**given))


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ({}, LOCAL),
        ({"target": "cluster"}, CLUSTER),
        ({"image": "x"}, CLUSTER),
        ({"dry_run": True}, CLUSTER),
        ({"target": "local"}, LOCAL),
    ],
)
def test_the_target_is_the_cluster_where_an_option_is_about_one(given: dict[str, Any], target: str) -> None:
    assert ClusterOptions(**given).chosen_target == target


def test_an_option_about_a_cluster_contradicts_this_machine() -> None:
    with pytest.raises(InvalidRequest, match="--max-nodes is about a cluster"):
        _ = ClusterOptions(target="local", max_nodes=2).chosen_target


def test_what_is_not_given_is_as_usual() -> None:
    request = request_of(asked("dns"), "abc", "lab")
    assert (request.image, request.nodes_limit, request.pairs_limit) == (default_image(), 8, 12)
    assert default_image().startswith("prism-platform/probe:0.")
    assert limits_of(ClusterOptions()) == Limits()


def test_what_is_given_reaches_the_request_its_place_and_its_limits() -> None:
    wanted = asked(
        *("storage", "startup"),
        options={"size": "16MiB"},
        image="registry.test/probe:9",
        storage_class=("fast",),
        claim=("mine",),
        claim_size=2**30,
        nodes={"pool": "apps"},
        toleration=("dedicated",),
        architecture=("arm64",),
        max_nodes=3,
        max_pairs=4,
        startup_pods=5,
        startup_rate=0.5,
        pull_secret=("registry",),
        pull_policy="Always",
        user="cluster",
        max_seconds=60.0,
        max_concurrent_jobs=2,
    )
    request = request_of(wanted, "abc", "lab")
    assert (request.storage_classes, request.existing_claims, request.claim_bytes) == (("fast",), ("mine",), 2**30)
    assert (request.nodes_limit, request.pairs_limit) == (3, 4)
    assert (request.startup_pods, request.startup_rate_per_second) == (5, 0.5)
    assert request.wanted.labels == {"pool": "apps"}
    site = site_of(wanted, request, expires_unix_seconds=1)
    assert (site.image, site.pull_policy, site.pull_secrets) == ("registry.test/probe:9", "Always", ("registry",))
    assert (site.tolerated_taints, site.architectures, site.node_labels) == (
        ("dedicated",), ("arm64",), {"pool": "apps"},
    )  # fmt: skip
    assert site.user is None
    assert limits_of(wanted.cluster) == Limits(seconds=60.0, concurrent_jobs=2)


def test_another_user_is_a_number() -> None:
    wanted = asked("dns", user=1000)
    assert site_of(wanted, request_of(wanted, "abc", "lab"), expires_unix_seconds=1).user == 1000


@pytest.mark.parametrize(
    ("wanted", "option"),
    [
        (asked("latency", options={"server": "x"}), "--server"),
        (asked("storage", options={"path": "/x"}), "--path"),
        (asked("utilization", options={"duration": "1s"}), "--duration"),
        (asked("latency", options={"names": ["x"]}), "--name"),
        (asked("dns", claim_size=1), "--claim-size"),
        (asked("dns", startup_rate=1.0), "--startup-rate"),
    ],
)
def test_what_would_have_no_effect_is_refused_by_its_name(wanted: Asked, option: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"^{option} means nothing to {wanted.probes[0]} in a cluster"):
        request_of(wanted, "abc", "lab")


def test_a_time_window_that_was_overruled_lets_the_plan_be_carried_out() -> None:
    made = plan(request_of(asked("dns"), "abc", "lab"), nodes=nodes(2), classes=[], seconds=SECONDS)
    narrow = Limits(seconds=1.0)
    assert overruled(narrow, made, ()) == narrow
    assert overruled(narrow, made, ("seconds",)).seconds >= 2 * made.cost.seconds
    assert overruled(Limits(), made, ("seconds",)) == Limits()
