"""What steps do to a cluster: create, wait, read, delete, each with the patience and the doubts that it takes."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

from jobs import diagnosis
from jobs.board import Board
from jobs.cluster import Cluster, Manifest
from jobs.errors import AlreadyThere, JobsError, Missing, TryAgain, Unavailable
from jobs.lessons import Lessons
from jobs.objects import Claim, ConfigMap, Container, Job, Meta, Object, Pod, Service, condition
from jobs.pod import CONTAINER
from jobs.reasons import core
from jobs.site import RUN, STEP, Site

KINDS: dict[str, type[Object]] = {each.api.kind: each for each in (ConfigMap, Job, Service, Claim)}
"""What a run creates."""
# On top of the cluster's own attempts: an API server that restarts is away for some seconds, rarely a minute.
_PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0)
# Results are some hundred KiB in lines of 8 KB; what else a probe prints are a few lines a phase.
_LOG_BYTES, _LOG_LINES = 16 * 2**20, 5000
START_SECONDS = 300.0
"""How long a pod is waited for: scheduling, a volume, and the pull of an image of 70 MB over a slow line."""
# What is seen wrong in two looks in a row is more than the moment in which a place becomes free or a claim is bound.
_LOOK_SECONDS, _LOOKS = 2.0, 10
T = TypeVar("T")


class Hands:
    """A cluster, the place of a run in it, and the board on which its watches write."""

    def __init__(
        self,
        cluster: Cluster,
        site: Site,
        board: Board,
        *,
        start_seconds: float = START_SECONDS,
        on_trouble: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """`on_trouble` is told, in the thread of a step, why a pod is still waited for: once a reason and step."""
        self.cluster = cluster
        self.site = site
        self.board = board
        self.start_seconds = start_seconds
        self._on_trouble = on_trouble
        self._lessons = Lessons()

    def create(self, manifest: Manifest) -> Meta:
        """Create an object of this run. Raises JobsError."""
        return patiently(lambda: self._create(manifest), self.board.rest)

    @contextmanager
    def created(self, manifests: Iterable[Manifest]) -> Iterator[tuple[Meta, ...]]:
        """Have objects while the block runs."""
        with ExitStack() as stack:
            yield tuple(self._enter(stack, manifest) for manifest in manifests)

    def ready_pod(self, job: Meta, *, node: str | None) -> Pod:
        """Wait until a Job's pod, for `node` or any, is ready.

        Raises Unavailable where it doesn't become so, with the reason. What has kept an earlier pod of the
        run from starting is not waited for as long again.
        """

        def look() -> Pod | None:
            pod = self.board.pod_of(job.name)
            return pod if pod is not None and condition(pod.conditions, "Ready") is not None else None

        return self._started(look, job, node or "")

    def ended_pod(self, job: Meta, *, node: str | None, run_seconds: float) -> Pod | None:
        """Wait until a Job's pod was started and has ended, or can't; None where it was never there to the end.

        A container's good end is enough: until the pod's phase and the Job tell of it takes the kubelet another second.
        Raises Unavailable where the pod doesn't start, as `ready_pod` does.
        """

        def started() -> Pod | None:
            pod = self.board.pod_of(job.name)
            return pod if pod is not None and any(each.state != "waiting" for each in pod.containers) else None

        def ended() -> Pod | None:
            pod = self.board.pod_of(job.name)
            over = pod is not None and (
                pod.phase in {"Succeeded", "Failed"}
                or (bool(pod.containers) and all(_ended_well(each) for each in pod.containers))
                or self.board.pod_gone(job.name)
                or self._final(job) is not None
            )
            return pod if over else None

        self._started(started, job, node or "")
        pod = self.board.wait(ended, seconds=run_seconds)
        trouble = self._diagnosis(job) if pod is None else None
        if trouble is not None:
            self._lessons.learn(trouble, node or "")
        return pod

    def log_of(self, pod: Pod) -> bytes | None:
        """Return the end of a pod's log, None where it can't be read (its node may be gone)."""
        with suppress(Missing, Unavailable, TryAgain):
            return patiently(lambda: self._read_log(pod), self.board.rest, attempts=3)
        return None

    def trouble(self, job: Meta) -> str | None:
        """Return what is wrong with a Job and its pod, None where nothing is."""
        found = self._diagnosis(job)
        return None if found is None else found.reason

    def _enter(self, stack: ExitStack, manifest: Manifest) -> Meta:
        # What was created though no answer ever came is found by its label at the end of the run; here its name alone
        # is known, which may be somebody else's.
        meta = self.create(manifest)
        stack.callback(self._delete, manifest)
        return meta

    def _delete(self, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        # What can't be deleted now is deleted with everything else at the end of the run.
        with suppress(JobsError):
            self.cluster.delete(KINDS[manifest["kind"]], metadata["name"], namespace=metadata["namespace"])

    def _create(self, manifest: Manifest) -> Meta:
        try:
            return self.cluster.create(manifest).meta
        except AlreadyThere:
            # An earlier attempt may have been carried out though its answer was lost.
            metadata = manifest["metadata"]
            found = self.cluster.read(KINDS[manifest["kind"]], metadata["name"], namespace=metadata["namespace"]).meta
            if found.labels.get(RUN) != self.site.run_id:
                raise
            return found

    def _read_log(self, pod: Pod) -> bytes:
        return self.cluster.read_log(
            pod.meta.name,
            namespace=pod.meta.namespace,
            container=CONTAINER,
            limit_bytes=_LOG_BYTES,
            tail_lines=_LOG_LINES,
        )

    def _started(self, look: Callable[[], T | None], job: Meta, node: str) -> T:
        """Wait for something good, but no longer than there is hope."""
        lesson = self._lessons.without_image(node)
        if lesson is not None:
            raise Unavailable(f"{lesson} (not tried again: this node could not get it before)")
        found, waited = self._waited(look, job, node)
        if found is not None:
            return found
        trouble = self._diagnosis(job)
        if trouble is None:
            raise Unavailable(f"its pod did not start, and nobody told why{waited}")
        self._lessons.learn(trouble, node)
        raise Unavailable(f"{trouble.reason}{waited}")

    def _waited(self, look: Callable[[], T | None], job: Meta, node: str) -> tuple[T | None, str]:
        """Return what was found, and how long it was waited for in vain where nothing was."""

        def found_or_hopeless() -> tuple[T | None] | None:
            found = look()
            return (found,) if found is not None or self._final(job) is not None else None

        begin_ns, look_seconds = self.board.clock_ns(), min(_LOOK_SECONDS, self.start_seconds / _LOOKS)
        seen, told = "", set[str]()
        while True:
            waited_seconds = (self.board.clock_ns() - begin_ns) / 1e9
            left_seconds = self.start_seconds - waited_seconds
            outcome = self.board.wait(found_or_hopeless, seconds=min(look_seconds, left_seconds))
            if outcome is not None:
                return outcome[0], ""
            if left_seconds <= look_seconds:
                return None, f" (after {self.start_seconds:.0f} s)"
            trouble = self._diagnosis(job)
            before, seen = seen, "" if trouble is None else core(trouble.reason)
            if trouble is None or not before:
                continue
            if self._lessons.in_vain(trouble, node):
                return None, f" (after {waited_seconds:.0f} s, since an earlier pod had waited for the same in vain)"
            if seen not in told:
                told.add(seen)
                self._on_trouble(f"{job.labels.get(STEP, job.name)}: {trouble.reason}")

    def _diagnosis(self, job: Meta) -> diagnosis.Diagnosis | None:
        pod = self.board.pod_of(job.name)
        uids = [job.uid] if pod is None else [job.uid, pod.meta.uid]
        return diagnosis.of(self.board.job(job.name), pod, self.board.events_of(*uids))

    def _final(self, job: Meta) -> diagnosis.Diagnosis | None:
        found = self._diagnosis(job)
        return found if found is not None and found.final else None


def _ended_well(container: Container) -> bool:
    return container.state == "terminated" and not container.exit_code


def patiently(
    call: Callable[[], T], rest: Callable[[float], None] = time.sleep, *, attempts: int = len(_PAUSES_SECONDS) + 1
) -> T:
    """Return what `call` returns, trying again where that may help. Raises what the last attempt raised."""
    for pause_seconds in itertools.islice(_PAUSES_SECONDS, attempts - 1):
        try:
            return call()
        except TryAgain as error:
            rest(error.retry_after_seconds or pause_seconds)
    return call()
