"""Carries one step out, in a thread of its own, from its objects' creation to their deletion."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from jobs import manifest
from jobs.board import ENDPOINT_READY, Board
from jobs.cluster import Follow
from jobs.collect import Collected, collect, unavailable, with_search_path_cost
from jobs.errors import JobsError, Stopped, Unavailable
from jobs.hands import Hands, patiently
from jobs.objects import Meta, Pod, Service
from jobs.pod import CONTAINER
from jobs.reasons import several
from jobs.startup_metrics import ServiceStart, Wave, with_resolution
from jobs.step import Measure, Path, PodStartup, ServiceStartup
from jobs.timeline import Milestone
from probes import frame
from probes.measure.metric import Description, from_rates
from probes.measure.result import Better, Metric, ProbeResult, Status
from probes.measure.units import Unit
from probes.probe import Profile

# `probes.runner` gives a probe twice its planned time and another 30 s, the pod needs some to start Python and to end.
_BUDGET_FACTOR, _SLACK_SECONDS = 2.0, 60.0
# A Service's rules are on all nodes within seconds, or something is wrong.
_AWAIT_SECONDS = 30.0
# Twelve times Kubernetes' objective for a pod's startup: what takes longer is told as a failure.
_STARTUP_SECONDS = 60.0
_GONE_SECONDS = 60.0
# What the board is told about a Service, beside when its endpoint was ready.
_LABELS, _REACHING, _ENDED = ("name", "address"), "reaching", "ended"
T = TypeVar("T")


def measure(step: Measure, hands: Hands, profile: Profile) -> Collected:
    """Run one probe in one pod; what goes wrong is in the result. Raises Stopped."""
    try:
        result = _measured(step, hands, profile)
    except Stopped:
        raise
    except JobsError as error:
        result = unavailable(step.probe, str(error))
    return Collected(result=result, what=step.what)


def start_pods(step: PodStartup, hands: Hands) -> tuple[tuple[Wave, ...], str | None]:
    """Start waves of pods that do nothing, until one has pods that something keeps from starting.

    Return the waves, and what failed after them. Raises Stopped, and another JobsError where not one pod came up.
    """
    waves, problem = _repeated(partial(_wave, step, hands), step.waves, last=lambda wave: wave.problem is not None)
    if not any(Milestone.READY in each.seen for wave in waves for each in wave.startups):
        raise Unavailable(str(waves[0].problem))
    return waves, problem


def start_services(step: ServiceStartup, hands: Hands) -> tuple[tuple[ServiceStart, ...], str | None]:
    """Start fresh Services again and again; return how they came up, and what failed after them.

    Raises Stopped, and another JobsError where a pod of the first one can't be started.
    """
    return _repeated(partial(_service, step, hands), step.repetitions, last=lambda _: False)


def _repeated(
    once: Callable[[int], T], repetitions: int, *, last: Callable[[T], bool]
) -> tuple[tuple[T, ...], str | None]:
    """Return what the repetitions brought before one failed, and why it did. Raises JobsError where it is the first."""
    brought: list[T] = []
    while len(brought) < repetitions and not (brought and last(brought[-1])):
        try:
            brought.append(once(len(brought) + 1))
        except JobsError as error:
            if isinstance(error, Stopped) or not brought:
                raise
            return tuple(brought), f"{error} (after {len(brought)} of {repetitions} repetitions)"
    return tuple(brought), None


def _measured(step: Measure, hands: Hands, profile: Profile) -> ProbeResult:
    run_seconds = step.cost.seconds * _BUDGET_FACTOR + _AWAIT_SECONDS + _SLACK_SECONDS
    deadline_seconds = int(hands.start_seconds + run_seconds)
    claim = manifest.claim(hands.site, step)
    with _server(step, hands, deadline_seconds) as server, hands.created([claim] if claim else []):
        job = manifest.measuring_job(
            hands.site,
            step,
            profile=profile,
            server=server,
            deadline_seconds=deadline_seconds,
            await_seconds=_AWAIT_SECONDS,
        )
        with hands.created([job]) as (created,):
            result = _collected(step, hands, created, run_seconds)
    return (
        _with_volume_times(with_search_path_cost(result), step, hands) if result.status is Status.MEASURED else result
    )


def _collected(step: Measure, hands: Hands, job: Meta, run_seconds: float) -> ProbeResult:
    pod = hands.ended_pod(job, node=step.node, run_seconds=run_seconds)
    trouble = hands.trouble(job)
    if pod is None:
        trouble = trouble or f"the pod did not end within {run_seconds:.0f} s: is something not responding?"
        pod = hands.board.pod_of(job.name)
    log = None if pod is None else hands.log_of(pod)
    return collect(step.probe, log=log, pod=pod, trouble=trouble)


@contextmanager
def _server(step: Measure, hands: Hands, deadline_seconds: int) -> Iterator[str | None]:
    """Have the server of a step while the block runs; yield its address, or that of its Service."""
    if step.path is None:
        yield None
        return
    name, site = f"{step.name}-server", hands.site
    job = manifest.server_job(
        site, name, step=step.name, node=step.server_node, deadline_seconds=deadline_seconds + int(hands.start_seconds)
    )
    through_service = [manifest.service(site, name, step=step.name)] if step.path is Path.SERVICE else []
    with hands.created([job, *through_service]) as created:
        pod = hands.ready_pod(created[0], node=step.server_node)
        yield _cluster_ip(hands, created[1]) if through_service else pod.ip


def _cluster_ip(hands: Hands, service: Meta) -> str:
    found = patiently(
        lambda: hands.cluster.read(Service, service.name, namespace=hands.site.namespace), hands.board.rest
    )
    if found.cluster_ip in {"", "None"}:
        raise Unavailable(f"the Service {service.name} got no cluster IP: does this cluster have Services?")
    return found.cluster_ip


def _with_volume_times(result: ProbeResult, step: Measure, hands: Hands) -> ProbeResult:
    """Add how long the claim took to be bound, and the volume to be mounted, of which the sandbox is a part."""
    if step.volume is None:
        return result
    startup = hands.board.startup_of(hands.site.name(step.name))
    mounted_ns = startup.between_ns(Milestone.SCHEDULED, Milestone.SANDBOX) if startup is not None else None
    bound_ns = hands.board.claim_bound_ns(hands.site.name(step.name))
    times = (
        ("claim_bind", "claim created until bound", bound_ns),
        ("volume_mount", "pod scheduled until its volumes are mounted and its sandbox is ready", mounted_ns),
    )
    added = tuple(_single(name, title, value) for name, title, value in times if value is not None)
    return result.model_copy(update={"metrics": (*result.metrics, *added)})


def _single(name: str, title: str, nanoseconds: float) -> Metric:
    described = Description(
        name=name, title=title, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions={"clock": "arrival"}
    )
    return with_resolution(from_rates(described, [float(nanoseconds)]))


def _wave(step: PodStartup, hands: Hands, number: int) -> Wave:
    """Start a wave of pods at its rate, wait for all of them, and see them all gone."""
    names = [f"{step.name}-{number}-{each}" for each in range(1, step.pods + 1)]
    deadline_seconds = int(step.pods / step.rate_per_second + 2 * _STARTUP_SECONDS)
    manifests = [
        manifest.sleeping_job(hands.site, name, step=step.name, deadline_seconds=deadline_seconds) for name in names
    ]
    jobs = [hands.site.name(name) for name in names]
    with _created_at_rate(manifests, hands, step.rate_per_second) as created:
        hands.board.wait(lambda: _all_ready(jobs, hands) or None, seconds=_STARTUP_SECONDS)
        gave_up_ns = hands.board.clock_ns()
        startups = [startup for job in jobs if (startup := hands.board.startup_of(job)) is not None]
        problem = several(("", trouble) for job in created if (trouble := hands.trouble(job)) is not None)
    # The next wave must not find the nodes busy with ending this one.
    hands.board.wait(
        lambda: all(hands.board.pod_gone(job) for job in jobs if hands.board.pod_of(job)) or None, seconds=_GONE_SECONDS
    )
    if not any(Milestone.READY in each.seen for each in startups):
        problem = f"none of {step.pods} pods became ready: {problem or 'see the events of the namespace'}"
    return Wave(startups=startups, gave_up_ns=gave_up_ns, problem=problem or None)


@contextmanager
def _created_at_rate(
    manifests: list[manifest.Manifest], hands: Hands, rate_per_second: float
) -> Iterator[tuple[Meta, ...]]:
    """Create objects, each at its time whatever the others took, and delete them at the end of the block."""
    begin_ns = hands.board.clock_ns()

    def due() -> Iterator[manifest.Manifest]:
        for number, each in enumerate(manifests):
            left_seconds = number / rate_per_second - (hands.board.clock_ns() - begin_ns) / 1e9
            if left_seconds > 0:
                hands.board.rest(left_seconds)
            yield each

    with hands.created(due()) as created:
        yield created


def _all_ready(jobs: list[str], hands: Hands) -> bool:
    # Asked after every change: those created last are ready last, so that most questions end with the first of them.
    startups = (hands.board.startup_of(job) for job in reversed(jobs))
    return all(each is not None and Milestone.READY in each.seen for each in startups)


def _service(step: ServiceStartup, hands: Hands, number: int) -> ServiceStart:
    """Start a Service, a client that tries to reach it, and only then its backend."""
    site, name = hands.site, f"{step.name}-{number}"
    deadline_seconds = int(2 * hands.start_seconds + 2 * _STARTUP_SECONDS)
    backend = manifest.server_job(site, name, step=step.name, node=step.server_node, deadline_seconds=deadline_seconds)
    with hands.created([manifest.service(site, name, step=step.name)]) as (service,):
        client = manifest.reaching_job(
            site,
            f"{name}-client",
            step=step.name,
            targets=dict(
                zip(_LABELS, (f"{service.name}.{site.namespace}.svc", _cluster_ip(hands, service)), strict=True)
            ),
            node=step.node,
            deadline_seconds=deadline_seconds,
        )
        with hands.created([client]) as (client_job,):
            pod = hands.ready_pod(client_job, node=step.node)
            return _watched(step, hands, pod, backend, service.name)


def _watched(step: ServiceStartup, hands: Hands, client: Pod, backend: manifest.Manifest, service: str) -> ServiceStart:
    """Create the backend once the client tries, and take the times of what then comes about."""
    board = hands.board
    stream = patiently(
        lambda: hands.cluster.follow_log(client.meta.name, namespace=client.meta.namespace, container=CONTAINER),
        board.rest,
    )
    listener = threading.Thread(target=_listen, args=(stream, board, service), daemon=True)
    with board.reading(stream):
        listener.start()
        board.wait(lambda: board.told(service).keys() & {_REACHING, _ENDED} or None, seconds=_STARTUP_SECONDS)
        if _REACHING not in board.told(service):
            raise Unavailable("the client of a Service did not begin to try to reach it: see its log")
        with hands.created([backend]) as (job,):
            hands.ready_pod(job, node=step.server_node)
            everything = {*_LABELS, ENDPOINT_READY}
            board.wait(lambda: everything <= board.told(service).keys() or None, seconds=_STARTUP_SECONDS)
            return _service_start(hands, job, service)


def _listen(stream: Follow, board: Board, service: str) -> None:
    """Note when the lines of a client arrived. A thread of its own: whoever reads late would take late times."""
    with suppress(JobsError):
        for line in stream:
            reached = frame.read_reached(line.text)
            if reached is not None:
                board.tell(service, reached[0], line.arrived_ns)
            elif line.text.decode("ascii", "replace") == frame.REACHING:
                board.tell(service, _REACHING, line.arrived_ns)
    board.tell(service, _ENDED, board.clock_ns())


def _service_start(hands: Hands, backend: Meta, service: str) -> ServiceStart:
    startup = hands.board.startup_of(backend.name)
    created = startup.seen.get(Milestone.CREATED) if startup is not None else None
    if created is None or created.late:
        raise Unavailable("when a Service's backend was created could not be seen: the watch had a gap")
    told = hands.board.told(service)
    return ServiceStart(
        backend_created_ns=created.at_ns,
        endpoint_ready_ns=told.get(ENDPOINT_READY),
        reached_ns={label: told.get(label) for label in _LABELS},
        gave_up_ns=hands.board.clock_ns(),
    )
