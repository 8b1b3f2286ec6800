"""Amounts of CPU and memory as numbers, and what a pod as a whole requests. Pure."""

from collections.abc import Iterable
from functools import lru_cache

from agent.collect.shapes import Amounts
from agent.collect.shapes_pods import Container, PodSpec
from jobs import quantity

GIB = 2.0**30
Pair = tuple[float, float]
"""Cores and bytes."""
# Longer than Kubernetes writes any, and beyond what it can hold: thousandths of a millionth to 2⁶³ (resource.Quantity).
_MOST_CHARACTERS = 64
_LEAST, _MOST = 1e-9, 2.0**63
_NOTHING: Pair = (0.0, 0.0)


# The few hundred distinct quantities of a cluster occur hundreds of thousands of times.
@lru_cache(maxsize=4096)
def number(text: str) -> float:
    """Return what a quantity stands for, 0 where there is none. Raises ValueError where no cluster can mean it."""
    if not text:
        return 0.0
    if len(text) > _MOST_CHARACTERS:
        raise ValueError("a quantity is longer than any")
    amount = quantity.parse(text)
    if amount and not _LEAST <= amount <= _MOST:
        raise ValueError("a quantity is negative, or beyond all that there is")
    return amount


def pair(amounts: Amounts) -> Pair:
    """Return cores and bytes."""
    return number(amounts.cpu), number(amounts.memory)


def requested(spec: PodSpec) -> Pair:
    """Return what the scheduler reckons with, as `jobs.objects.Pod.requests` (KEP-753), in the fewest steps."""
    cpu_cores = memory_bytes = 0.0
    for container in spec.containers:
        requests = container.resources.requests
        cpu_cores += number(requests.cpu)
        memory_bytes += number(requests.memory)
    if spec.init_containers:
        cpu_cores, memory_bytes = _with_init(spec.init_containers, (cpu_cores, memory_bytes))
    if spec.overhead is not None:
        cpu_cores, memory_bytes = _sum(((cpu_cores, memory_bytes), pair(spec.overhead)))
    return cpu_cores, memory_bytes


def _with_init(init_containers: tuple[Container, ...], running: Pair) -> Pair:
    """Sidecars run beside the containers and beside all init containers that come later."""
    sidecars, most = _NOTHING, _NOTHING
    for container in init_containers:
        amounts = _sum((sidecars, pair(container.resources.requests)))
        if container.restart_policy == "Always":
            sidecars = amounts
        most = (max(most[0], amounts[0]), max(most[1], amounts[1]))
    together = _sum((running, sidecars))
    return max(most[0], together[0]), max(most[1], together[1])


def _sum(pairs: Iterable[Pair]) -> Pair:
    cores, sizes = zip(*pairs, strict=True)
    return sum(cores), sum(sizes)
