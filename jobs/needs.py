"""What quotas count of a plan while it is carried out, by the names that they use. Pure.

The names are those of Kubernetes' documentation of resource quotas (https://kubernetes.io/docs/concepts/policy/).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from jobs.plan import Plan
from jobs.pod import MEASURING, SCRATCH_BYTES, SERVING, SLEEPING, Size
from jobs.step import Measure, Path, PodStartup, ServiceStartup, Step, startable

_SERVICE = {"services": 1.0, "count/services": 1.0}
# The ConfigMap that owns everything, and a Job without a pod, the run's expiry.
_RUN = {"configmaps": 1.0, "count/configmaps": 1.0, "count/jobs.batch": 1.0}
Needs = Mapping[str, float]
"""An amount by name, in cores, bytes or objects; what is not there is not needed."""


def needs(plan: Plan, *, concurrent_jobs: int) -> Needs:
    """Return the most that there is of each at once, if the steps take the times that are estimated.

    All claims count together: what was provisioned for one is given back some time after its step.
    """
    moments = [_total(_of_pods(step) for step in running) for running in _moments(plan.steps, concurrent_jobs)]
    names = {name for moment in moments for name in moment}
    most = {name: max(moment.get(name, 0.0) for moment in moments) for name in names}
    return _total([most, _RUN, *map(_of_claim, plan.steps)])


def _moments(steps: Sequence[Step], concurrent_jobs: int) -> Iterator[list[Step]]:
    """Yield what runs side by side, each time that something new has begun."""
    waiting, ends = list(steps), list[tuple[float, Step]]()
    now = 0.0
    while waiting:
        while step := startable(waiting, [each for _, each in ends], concurrent_jobs=concurrent_jobs):
            waiting.remove(step)
            ends.append((now + step.cost.seconds, step))
        yield [each for _, each in ends]
        first = min(ends, key=lambda end: end[0])
        ends.remove(first)
        now = first[0]


def _of_pods(step: Step) -> Needs:
    match step:
        case Measure():
            scratch_bytes = SCRATCH_BYTES if step.volume is None else step.volume.scratch_bytes or SCRATCH_BYTES
            server = [] if step.path is None else [_job(SERVING)]
            service = [_SERVICE] if step.path is Path.SERVICE else []
            return _total([_job(MEASURING, scratch_bytes), *server, *service])
        case PodStartup():
            return _total([_job(SLEEPING)] * step.pods)
        case ServiceStartup():
            return _total([_job(SERVING), _job(SERVING), _SERVICE])
        case _:
            return {}


def _of_claim(step: Step) -> Needs:
    volume = step.volume if isinstance(step, Measure) else None
    if volume is None or volume.storage_class is None:
        return {}
    of_class = f"{volume.storage_class}.storageclass.storage.k8s.io"
    names = ("persistentvolumeclaims", "count/persistentvolumeclaims", f"{of_class}/persistentvolumeclaims")
    sizes = ("requests.storage", f"{of_class}/requests.storage")
    return dict.fromkeys(names, 1.0) | dict.fromkeys(sizes, float(volume.size_bytes))


def _job(size: Size, scratch_bytes: int = SCRATCH_BYTES) -> Needs:
    """Of a Job and its pod."""
    return {
        "pods": 1.0,
        "count/pods": 1.0,
        "count/jobs.batch": 1.0,
        "cpu": size.cpu_cores,
        "requests.cpu": size.cpu_cores,
        "memory": float(size.memory_bytes),
        "requests.memory": float(size.memory_bytes),
        "limits.memory": float(size.memory_limit_bytes),
        "ephemeral-storage": float(scratch_bytes),
        "requests.ephemeral-storage": float(scratch_bytes),
    }


def _total(parts: Iterable[Needs]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, 0.0) + amount
    return total
