"""What shall go wrong, told by a test: each fault names what it befalls and how often, and is used up by that."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from tests.standin.problem import Problem
from tests.standin.resources import Json
from tests.standin.selectors import matches_labels

FOREVER = 1 << 30


class PodFault(Enum):
    """What can befall a pod."""

    NEVER_SCHEDULED = "no node fits"
    NO_IMAGE = "its image can't be pulled"
    OUT_OF_MEMORY = "its first container is killed for its memory use"
    EVICTED = "its node evicts it while it runs"
    LOG_CUT = "of its log only the first half is kept"
    LOG_LOST = "its log can't be read: the server answers 500"


@dataclass(slots=True, kw_only=True)
class _Fault:
    befalls: Callable[[str, str], bool]
    times: int
    problem: Problem | None = None
    """None drops the connection without an answer."""


@dataclass(slots=True, kw_only=True)
class _OfPods:
    fault: PodFault
    labels: str
    times: int
    befallen: set[str] = field(default_factory=set)


class Faults:
    """All that is to go wrong. Every method may be called from any thread while the stand-in serves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[_Fault] = []
        self._answers: list[_Fault] = []
        self._watches: list[_Fault] = []
        self._pods: list[_OfPods] = []
        self._cut_at_ns = 0
        self.watch_delay_seconds = 0.0
        """Every line of a watch comes so much later."""
        self.metrics_problem: Problem | None = None
        """What metrics.k8s.io answers, if not metrics."""

    def answer(self, problem: Problem, *, verb: str = "*", resource: str = "*", times: int = 1) -> None:
        """Answer the next `times` requests of this verb (`list`, `create`, ...) and plural with an error."""
        self._add(self._requests, verb, resource, times, problem)

    def drop(self, *, verb: str = "*", resource: str = "*", times: int = 1) -> None:
        """Close the connection of the next `times` such requests instead of answering."""
        self._add(self._requests, verb, resource, times, None)

    def lose_answers(self, *, verb: str = "*", resource: str = "*", times: int = 1) -> None:
        """Carry the next `times` such requests out, and close their connections instead of answering."""
        self._add(self._answers, verb, resource, times, None)

    def break_watches(self, problem: Problem, *, resource: str = "*", times: int = 1) -> None:
        """End the next `times` watches that begin with an ERROR in place of their first line."""
        self._add(self._watches, "watch", resource, times, problem)

    def cut_watches(self) -> None:
        """Cut the connection of every watch that is open now."""
        with self._lock:
            self._cut_at_ns = time.monotonic_ns()

    def befall(self, fault: PodFault, *, labels: str = "", times: int = FOREVER) -> None:
        """Let the fault befall the next `times` pods whose labels match."""
        with self._lock:
            self._pods.append(_OfPods(fault=fault, labels=labels, times=times))

    @property
    def pending(self) -> int:
        """How many faults of requests, answers and watches have not come about yet."""
        with self._lock:
            return sum(fault.times for fault in (*self._requests, *self._answers, *self._watches))

    # For the stand-in itself

    def of_request(self, verb: str, resource: str) -> Problem | None:
        """Return the error to answer with, None where all is well. Raises ConnectionAbortedError to drop it."""
        fault = self._take(self._requests, verb, resource)
        if fault is not None and fault.problem is None:
            raise ConnectionAbortedError
        return fault.problem if fault else None

    def of_answer(self, verb: str, resource: str) -> None:
        """Raise ConnectionAbortedError to drop an answer."""
        if self._take(self._answers, verb, resource) is not None:
            raise ConnectionAbortedError

    def of_watch(self, resource: str) -> Problem | None:
        fault = self._take(self._watches, "watch", resource)
        return fault.problem if fault else None

    def is_cut(self, opened_ns: int) -> bool:
        return opened_ns < self._cut_at_ns

    def befalls(self, fault: PodFault, pod: Json) -> bool:
        """Whether the fault befalls this pod; asked again about the same pod, the answer stays the same."""
        labels, uid = pod["metadata"].get("labels") or {}, pod["metadata"]["uid"]
        with self._lock:
            for planned in self._pods:
                if planned.fault != fault or not matches_labels(planned.labels, labels):
                    continue
                if uid in planned.befallen:
                    return True
                if len(planned.befallen) < planned.times:
                    planned.befallen.add(uid)
                    return True
        return False

    def _add(self, faults: list[_Fault], verb: str, resource: str, times: int, problem: Problem | None) -> None:
        def befalls(its_verb: str, its_resource: str) -> bool:
            return verb in ("*", its_verb) and resource in ("*", its_resource)

        with self._lock:
            faults.append(_Fault(befalls=befalls, times=times, problem=problem))

    def _take(self, faults: list[_Fault], verb: str, resource: str) -> _Fault | None:
        with self._lock:
            for fault in faults:
                if fault.times > 0 and fault.befalls(verb, resource):
                    fault.times -= 1
                    return fault
        return None
