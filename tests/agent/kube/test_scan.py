"""Lists through real HTTPS: pages, and everything that can break off."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.kube.http import Transport
from agent.kube.login import log_in
from agent.kube.scan import Kind, KubeScan, Problem, ScanFailed
from agent.kube.wire import ObjectWire
from agent.wire.vocabulary import STATUSES
from jobs.objects import Api
from tests.standin.list_server import Answer, Answering, ListServer, Query, serving_lists, status

SECRET_NAME = "canary-tenant-7"  # noqa: S105 - a name that must not be told
PODS = Kind(api=Api(group="", version="v1", kind="Pod", plural="pods"), shape=ObjectWire, small=False)
CLASSES = Kind(api=Api(group="x.io", version="v1", kind="Class", plural="classes"), shape=ObjectWire)


class Names:
    def __init__(self) -> None:
        self.names: list[str] = []

    def add(self, objects: Sequence[ObjectWire]) -> None:
        self.names += [each.metadata.name for each in objects]


def page(*names: str, next_page: str = "", remaining: int | None = None) -> Answer:
    meta: dict[str, Any] = {"continue": next_page} if next_page else {}
    meta |= {} if remaining is None else {"remainingItemCount": remaining}
    whole = {"kind": "PodList", "apiVersion": "v1", "metadata": meta}
    return Answer(body=json.dumps(whole | {"items": [{"metadata": {"name": name}} for name in names]}).encode())


def of_pages(first: Answer, *others: Answer) -> Answering:
    """Pages by token: `1`, `2` and so on."""
    pages = (first, *others)
    return lambda _, query: pages[int(query.get("continue", "0"))]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Answering], tuple[KubeScan, ListServer]]]:
    with ExitStack() as stack:

        def started(answering: Answering) -> tuple[KubeScan, ListServer]:
            server, kubeconfig = stack.enter_context(serving_lists(answering, tmp_path))
            login = log_in(kubeconfig=str(kubeconfig))
            return KubeScan(Transport(login), silence_seconds=1.0, list_seconds=30.0), server

        yield started


Serve = Callable[[Answering], tuple[KubeScan, ListServer]]


def test_all_pages_are_read_in_order(serve: Serve) -> None:
    scan, server = serve(of_pages(page("a", "b", next_page="1"), page("c", next_page="2"), page("d")))
    assert scan.fold(PODS, Names).names == ["a", "b", "c", "d"]
    assert server.requests[0] == "/api/v1/pods?limit=500"
    assert "continue=2" in server.requests[2]


def test_kinds_that_stay_small_are_served_from_the_cache(serve: Serve) -> None:
    scan, server = serve(of_pages(page("a", next_page="1"), page("b")))
    assert scan.fold(CLASSES, Names).names == ["a", "b"]
    assert server.requests[0] == "/apis/x.io/v1/classes?limit=500&resourceVersion=0"
    # A token says its own version; to name another with it is refused.
    assert "resourceVersion" not in server.requests[1]


def test_a_list_forgotten_midway_is_begun_anew_and_nothing_counts_twice(serve: Serve) -> None:
    expired = iter([status(410, "Expired")])
    pages = of_pages(page("a", next_page="1"), page("b"))

    def answering(path: str, query: Query) -> Answer:
        return (next(expired, None) if query.get("continue") else None) or pages(path, query)

    scan, _ = serve(answering)
    assert scan.fold(PODS, Names).names == ["a", "b"]


def test_a_list_forgotten_every_time_is_given_up(serve: Serve) -> None:
    pages = of_pages(page("a", next_page="1"), status(410, "Expired"))
    scan, server = serve(pages)
    with pytest.raises(ScanFailed) as failed:
        scan.fold(PODS, Names)
    assert failed.value.problem is Problem.FAILED
    assert len(server.requests) == 6


def test_a_connection_dropped_midway_is_made_up_for(serve: Serve) -> None:
    whole = page("a", "b")
    answers = iter([Answer(body=whole.body, sent_bytes=len(whole.body) - 10)])
    scan, _ = serve(lambda *_: next(answers, whole))
    assert scan.fold(PODS, Names).names == ["a", "b"]


def test_a_server_that_is_throttling_is_asked_again_for_the_same_page(serve: Serve) -> None:
    busy = iter([status(429, "TooManyRequests")])
    pages = of_pages(page("a", next_page="1"), page("b"))

    def answering(path: str, query: Query) -> Answer:
        return (next(busy, None) if query.get("continue") else None) or pages(path, query)

    scan, server = serve(answering)
    assert scan.fold(PODS, Names).names == ["a", "b"]
    assert sum("continue" not in request for request in server.requests) == 1


REFUSED = f'pods is forbidden: User "{SECRET_NAME}" cannot list resource "pods" in API group "" at the cluster scope'
CUT = page("a", "b").body[:-5]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (status(403, "Forbidden", REFUSED), Problem.FORBIDDEN),
        (Answer(body=b"404 page not found\n", code=404), Problem.MISSING_API),
        (status(401, "Unauthorized", SECRET_NAME), Problem.FAILED),
        (Answer(body=CUT), Problem.FAILED),
        (Answer(body=b"<html>%b</html>" % SECRET_NAME.encode()), Problem.FAILED),
        (Answer(body=page(SECRET_NAME).body.replace(b'"name"', b'"labels"')), Problem.FAILED),
        (Answer(body=page("a").body.replace(b'"a"', b'"\xff"')), Problem.FAILED),
        (Answer(body=page("a").body.replace(b'"a"', b'"a", "x": ' + b"[" * 100_000 + b"]" * 100_000)), Problem.FAILED),
        (Answer(body=CUT, sent_bytes=0, hangs=True), Problem.TIMEOUT),
        (Answer(body=CUT, sent_bytes=40, hangs=True), Problem.TIMEOUT),
    ],
    ids=["403", "404", "401", "cut-off", "html", "wrong-type", "no-utf-8", "deep", "silent", "silent-midway"],
)
def test_a_failure_says_which_kind_and_why_and_nothing_that_the_server_said(
    serve: Serve, answer: Answer, problem: Problem
) -> None:
    scan, _ = serve(lambda *_: answer)
    with pytest.raises(ScanFailed) as failed:
        scan.fold(PODS, Names)
    assert failed.value.problem is problem
    assert str(failed.value) == f"can't read pods: {problem.value}"
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None


def test_a_list_that_drips_for_ever_ends_by_its_deadline(tmp_path: Path) -> None:
    dripping = Answer(body=page(*["a" * 1000] * 1000).body, pause_seconds=0.005)
    with serving_lists(lambda *_: dripping, tmp_path) as (_, kubeconfig):
        scan = KubeScan(Transport(log_in(kubeconfig=str(kubeconfig))), silence_seconds=5.0, list_seconds=0.5)
        with pytest.raises(ScanFailed) as failed:
            scan.fold(PODS, Names)
    assert failed.value.problem is Problem.TIMEOUT


def test_what_a_tally_raises_passes_through(serve: Serve) -> None:
    class Broken:
        def add(self, objects: Sequence[ObjectWire]) -> None:
            raise ZeroDivisionError(len(objects))

    scan, _ = serve(of_pages(page("a")))
    with pytest.raises(ZeroDivisionError):
        scan.fold(PODS, Broken)


def test_counting_asks_for_one_objects_metadata(serve: Serve) -> None:
    scan, server = serve(of_pages(page("a", next_page="1", remaining=41)))
    assert scan.count(PODS) == 42
    assert server.requests == ["/api/v1/pods?limit=1"]
    assert "PartialObjectMetadataList" in server.accepted[0]


def test_a_number_below_none_of_objects_that_remain_is_as_if_not_said(serve: Serve) -> None:
    scan, _ = serve(of_pages(page("a", next_page="1", remaining=-5), page("b", "c")))
    assert scan.count(PODS) == 3


def test_counting_looks_at_all_where_the_server_does_not_say_how_many_remain(serve: Serve) -> None:
    scan, _ = serve(of_pages(page("a", next_page="1"), page("b", "c")))
    assert scan.count(PODS) == 3


def test_one_connection_serves_all_pages(serve: Serve) -> None:
    scan, server = serve(of_pages(page("a", next_page="1"), page("b", next_page="2"), page("c")))
    scan.fold(PODS, Names)
    scan.count(PODS)
    assert server.connections == 1


def test_what_comes_with_its_length_and_not_in_chunks_is_read_as_well(serve: Serve) -> None:
    scan, _ = serve(lambda *_: Answer(body=page("a", "b").body, plain=True))
    assert scan.fold(PODS, Names).names == ["a", "b"]


def test_nothing_is_counted_as_none(serve: Serve) -> None:
    scan, _ = serve(of_pages(page()))
    assert scan.count(PODS) == 0


def test_the_version_and_the_groups_are_the_servers(serve: Serve) -> None:
    recorded = Path(__file__).parent.with_name("recorded") / "api-groups.json"
    answers = {"/version": b'{"gitVersion":"v1.36.2"}', "/apis": recorded.read_bytes()}
    scan, _ = serve(lambda path, _: Answer(body=answers[path]))
    assert scan.version() == "v1.36.2"
    assert {"apps", "metrics.k8s.io"} <= scan.groups()


def test_every_problem_is_a_status_that_a_document_may_tell() -> None:
    assert {problem.value for problem in Problem} <= set(STATUSES)
