"""What is known of an image without a pod."""

import pytest

from jobs.finding import State
from jobs.image import finding, full_name
from jobs.objects import Meta, NodeImages

IMAGE = "registry.example/probe:1"


def having(name: str, *images: str) -> NodeImages:
    return NodeImages(meta=Meta(name=name), images=frozenset(images))


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("probe", "docker.io/library/probe:latest"),
        ("probe:1", "docker.io/library/probe:1"),
        ("team/probe:1", "docker.io/team/probe:1"),
        ("localhost/probe:1", "localhost/probe:1"),
        ("localhost:5000/probe", "localhost:5000/probe:latest"),
        ("registry.example/team/probe", "registry.example/team/probe:latest"),
        ("registry.example/probe@sha256:0123", "registry.example/probe@sha256:0123"),
    ],
)
def test_a_name_is_completed_as_runtimes_complete_it(written: str, full: str) -> None:
    assert full_name(written) == full


def test_an_image_on_all_nodes_that_can_be_probed_needs_no_registry() -> None:
    nodes = [having("a", IMAGE), having("b", IMAGE), having("control-plane")]
    assert finding(IMAGE, nodes, ["a", "b"]).state is State.READY


def test_an_image_on_some_nodes_leaves_a_doubt_about_the_others() -> None:
    found = finding(IMAGE, [having("a", IMAGE), having("b", "registry.example/probe:2")], ["a", "b"])
    assert found.state is State.WARNING
    assert "1 of 2 nodes" in found.found


def test_that_no_node_tells_of_an_image_is_not_taken_for_its_absence() -> None:
    found = finding(IMAGE, [having("a")], ["a"])
    assert found.state is State.WARNING
    assert "not known" in found.found
    assert "--start-pod" in str(found.remedy)


def test_where_nodes_cannot_be_looked_at_the_reason_is_told() -> None:
    found = finding(IMAGE, "no permission to list nodes", ["a"])
    assert found.state is State.WARNING
    assert "no permission to list nodes" in found.found
