"""A cluster of thousands of nodes, as the bytes that an API server answers with: made once, served from memory.

The objects are those that a real API server has sent (tests/agent/recorded), managedFields and all, under other names,
on other nodes and with other amounts; the pods are those of Deployments, of which a large cluster consists. Each page
is bytes before the first request, so that serving costs as little as it can.

The bytes are in the chunks in which a server since Kubernetes 1.33 sends them: it writes object by object
(apimachinery, serializer/json/collections.go) through the buffer of Go's net/http, which cuts at 2 KiB.
"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.standin.list_server import Answer, Query, status

RECORDED = Path(__file__).parents[1] / "tests" / "agent" / "recorded"
NODES, PODS = 5_000, 150_000
_PAGE_ITEMS = 500
_GO_BUFFER_BYTES = 2048
_METRICS = "/apis/metrics.k8s.io/v1beta1"
# Kept apart from what JSON can hold, and as long as what they stand for.
_NAME, _NODE, _CPU, _MEMORY = ("\x01name\x01", "\x01node\x01", "\x01cpu\x01", "\x01memory\x01")


class Cluster:
    """Answers lists in pages, counts, discovery and the version."""

    def __init__(self, *, nodes: int = NODES, pods: int = PODS, seed: int = 20_26) -> None:
        draw = random.Random(seed)
        names = [f"ip-10-{number >> 8}-{number & 255}-7.eu-west-1.compute.internal" for number in range(nodes)]
        homes = [draw.choice(names) for _ in range(pods)]
        self._pages = {
            "/api/v1/nodes": _pages("NodeList", "v1", map(_node(), names), nodes),
            "/api/v1/pods": _pages("PodList", "v1", _pods(homes, draw), pods),
            "/api/v1/namespaces": _few("NamespaceList", "v1", "namespaces.json", pods // 500),
            "/apis/apps/v1/deployments": _few("DeploymentList", "apps/v1", "deployments.json", pods // 30),
        }
        # What a server writes into one answer, whatever it is asked for.
        self._whole = {
            f"{_METRICS}/nodes": _list("NodeMetricsList", "metrics.k8s.io/v1beta1", map(_node_use(draw), names)),
            f"{_METRICS}/pods": _list("PodMetricsList", "metrics.k8s.io/v1beta1", _pod_uses(pods, draw)),
        }
        self._plain = {
            "/version": b'{"major":"1","minor":"36","gitVersion":"v1.36.2"}',
            "/apis": (RECORDED / "api-groups.json").read_bytes(),
        }

    def answer(self, path: str, query: Query) -> Answer:
        """Return what is served at `path`."""
        if path in self._plain:
            return Answer(body=self._plain[path])
        if path in self._whole:
            return Answer(body=self._whole[path], framed=True)
        if path not in self._pages:
            return Answer(body=_list("List", "v1", iter(())), framed=True) if path.count("/") > 2 else status(404)
        pages, count = self._pages[path]
        if query.get("limit") == "1":
            return Answer(body=_list("List", "v1", iter([b"{}"]), next_page="1", remaining=count - 1), framed=True)
        return Answer(body=pages[int(query.get("continue", "0"))], framed=True)

    @property
    def size_bytes(self) -> int:
        """All lists, in their chunks."""
        paged = sum(len(page) for pages, _ in self._pages.values() for page in pages)
        return paged + sum(map(len, self._whole.values()))


def _list(kind: str, version: str, items: Iterator[bytes], *, next_page: str = "", remaining: int = 0) -> bytes:
    meta: dict[str, Any] = {"resourceVersion": "4250"}
    if next_page:
        meta |= {"continue": next_page, "remainingItemCount": remaining}
    head = json.dumps({"kind": kind, "apiVersion": version, "metadata": meta}, separators=(",", ":"))
    writes = [head[:-1].encode() + b',"items":[']
    for item in items:
        writes += [item, b","]
    writes[-1] = b"]}\n" if len(writes) > 1 else writes[0] + b"]}\n"
    return b"".join(_chunked(writes))


def _chunked(writes: list[bytes]) -> Iterator[bytes]:
    """Frame as net/http does: what is longer than its empty buffer goes out by itself, all else through the buffer."""
    held = b""
    for write in writes:
        rest = write
        while len(held) + len(rest) > _GO_BUFFER_BYTES:
            taken = _GO_BUFFER_BYTES - len(held) if held else len(rest)
            yield _chunk(held + rest[:taken])
            held, rest = b"", rest[taken:]
        held += rest
    if held:
        yield _chunk(held)
    yield b"0\r\n\r\n"


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def _pages(kind: str, version: str, items: Iterator[bytes], count: int) -> tuple[list[bytes], int]:
    pages = []
    for start in range(0, count, _PAGE_ITEMS):
        page = [next(items) for _ in range(min(_PAGE_ITEMS, count - start))]
        remaining = count - start - len(page)
        token = str(len(pages) + 1) if remaining else ""
        pages.append(_list(kind, version, iter(page), next_page=token, remaining=remaining))
    return pages, count


def _few(kind: str, version: str, recorded: str, count: int) -> tuple[list[bytes], int]:
    template = _read(recorded)[0]
    template["metadata"]["name"] = _NAME
    fill = _filled(template)
    items = (fill({_NAME: f"thing-{number}"}) for number in range(count))
    return [_list(kind, version, items)], count


def _read(name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((RECORDED / name).read_text())["items"]
    return items


def _filled(template: dict[str, Any]) -> Callable[[dict[str, str]], bytes]:
    """Return what writes the template with its markers replaced."""
    text = json.dumps(template, separators=(",", ":"), ensure_ascii=True)
    parts = text.split("\\u0001")

    def fill(values: dict[str, str]) -> bytes:
        # Every second part was between two marks, and is the name of a marker.
        return "".join(values[f"\x01{part}\x01"] if place % 2 else part for place, part in enumerate(parts)).encode()

    return fill


def _node() -> Callable[[str], bytes]:
    template = _read("nodes.json")[0]
    template["metadata"] |= {"name": _NAME}
    template["metadata"]["labels"] |= {
        "kubernetes.io/hostname": _NAME,
        "topology.kubernetes.io/region": "eu-west-1",
        "eks.amazonaws.com/nodegroup": "general",
        "node.kubernetes.io/instance-type": "m7i.2xlarge",
    }
    template["spec"]["providerID"] = "aws:///eu-west-1a/i-0c5f1bd2a8e1f6c11"
    for amounts in ("capacity", "allocatable"):
        template["status"][amounts] |= {"cpu": "8", "memory": "32459232Ki"}
    fill = _filled(template)
    return lambda name: fill({_NAME: name})


def _pods(homes: list[str], draw: random.Random) -> Iterator[bytes]:
    fills = []
    for template in _read("pods-of-deployments.json"):
        template["metadata"] |= {"name": _NAME, "namespace": "shop"}
        template["spec"]["nodeName"] = _NODE
        requests = {"cpu": _CPU, "memory": _MEMORY}
        template["spec"]["containers"][0]["resources"] = {"requests": requests, "limits": {"memory": _MEMORY}}
        fills.append(_filled(template))
    for number, home in enumerate(homes):
        cpu, memory = f"{draw.randrange(1, 20) * 25}m", f"{draw.randrange(1, 16) * 64}Mi"
        yield fills[number % len(fills)]({_NAME: f"pod-{number}", _NODE: home, _CPU: cpu, _MEMORY: memory})


def _node_use(draw: random.Random) -> Callable[[str], bytes]:
    template = _read("metrics-nodes.json")[0]
    template["metadata"]["name"] = _NAME
    template["usage"] = {"cpu": _CPU, "memory": _MEMORY}
    fill = _filled(template)
    return lambda name: fill(
        {_NAME: name, _CPU: f"{draw.randrange(10**8, 4 * 10**9)}n", _MEMORY: f"{draw.randrange(10**6, 2 * 10**7)}Ki"}
    )


def _pod_uses(pods: int, draw: random.Random) -> Iterator[bytes]:
    template = _read("metrics-pods.json")[0]
    template["metadata"] |= {"name": _NAME, "namespace": "shop"}
    template["containers"][0]["usage"] = {"cpu": _CPU, "memory": _MEMORY}
    fill = _filled(template)
    for number in range(pods):
        cpu, memory = f"{draw.randrange(10**6, 3 * 10**8)}n", f"{draw.randrange(10**3, 6 * 10**5)}Ki"
        yield fill({_NAME: f"pod-{number}", _CPU: cpu, _MEMORY: memory})
