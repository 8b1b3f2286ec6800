"""From how pods and services came up to metrics. Pure.

What never came up counts with the time that it was waited for, the least that it would have taken, and is told; to
leave it out would make the slowest clusters look fast.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jobs.timeline import ARRIVAL_RESOLUTION_NS, Image, Milestone, Pull, Startup
from probes.measure.metric import Description, from_samples
from probes.measure.result import Better, Facts, Metric
from probes.measure.stability import Flag, FlagCode
from probes.measure.units import Unit, format_quantity
from probes.reach import INTERVAL_SECONDS

# Kubernetes' objective for stateless pods whose image is there: 99 % within 5 s
# (https://github.com/kubernetes/community/blob/master/sig-scalability/slos/pod_startup_latency.md).
OBJECTIVE_SECONDS = 5.0
# A client tries at intervals, and the line by which it tells of an answer arrives as other news does.
_ANSWER_RESOLUTION_NS = ARRIVAL_RESOLUTION_NS + int(INTERVAL_SECONDS * 1e9)

_STAGES = (
    ("pod_startup", "pod created until ready", Milestone.CREATED, Milestone.READY),
    ("pod_scheduling", "pod created until scheduled", Milestone.CREATED, Milestone.SCHEDULED),
    ("pod_sandbox", "pod scheduled until its sandbox is ready", Milestone.SCHEDULED, Milestone.SANDBOX),
    ("pod_start", "sandbox ready until the containers are started", Milestone.SANDBOX, Milestone.STARTED),
)
_SLUGS = {Image.WARM: "", Image.COLD: "_cold", Image.UNKNOWN: "_image_unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Pods that were started together at a stated rate."""

    startups: Sequence[Startup]
    gave_up_ns: int
    """When waiting ended, by the clock of the arrivals."""
    problem: str | None = None
    """What kept some of them from starting, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStart:
    """How one fresh Service came up, by the clock of the arrivals; None: it never did."""

    backend_created_ns: int
    endpoint_ready_ns: int | None
    reached_ns: Mapping[str, int | None]
    """By `name` and by `address`: when another pod was first answered."""
    gave_up_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    nanoseconds: float
    censored: bool


def pod_metrics(
    waves: Sequence[Wave], pulls: Mapping[str, Pull], *, warm_nodes: frozenset[str], rate_per_second: float
) -> tuple[Metric, ...]:
    """Return the metrics of all stages, warm and cold apart; `pulls` by uid, `warm_nodes` have had the image before."""
    metrics = []
    for image in Image:
        chosen = [
            (wave, [each for each in wave.startups if _image(each, pulls, warm_nodes) is image]) for wave in waves
        ]
        conditions: Facts = {"image": image.value, "rate_per_second": rate_per_second}
        for name, title, first, last in _STAGES:
            rounds = [
                [sample for each in pods if (sample := _sample(each, first, last, wave.gave_up_ns))]
                for wave, pods in chosen
            ]
            described = _described(f"{name}{_SLUGS[image]}", f"{title}, image {image.value}", conditions)
            metrics += _metric(described, rounds, "pods did not come so far")
    return tuple(_with_contradictions(metric, waves) for metric in metrics)


def pull_metric(pulls: Sequence[Pull]) -> tuple[Metric, ...]:
    """Return how long pulling the image took, where it was pulled; one value a pull."""
    seconds = [pull.seconds for pull in pulls if pull.seconds is not None]
    if not seconds:
        return ()
    described = _described("image_pull", "pulling the image, as the kubelet tells it", {"image": Image.COLD.value})
    return (from_samples(described, [np.array(seconds) * 1e9]),)


def service_metrics(starts: Sequence[ServiceStart]) -> tuple[Metric, ...]:
    """Return the metrics of services; each start is a round of one sample."""
    metrics = _metric(
        _described("service_endpoint", "backend created until its endpoint is ready", {}),
        [[_until(start.backend_created_ns, start.endpoint_ready_ns, start.gave_up_ns)] for start in starts],
        "endpoints never became ready",
    )
    for label in sorted({label for start in starts for label in start.reached_ns}):
        reached = [(start, start.reached_ns[label]) for start in starts if label in start.reached_ns]
        metrics += _metric(
            _described(f"service_startup_by_{label}", f"backend created until another pod is answered, by {label}", {}),
            [[_until(start.backend_created_ns, at_ns, start.gave_up_ns)] for start, at_ns in reached],
            f"services were never reached by {label}",
            _ANSWER_RESOLUTION_NS,
        )
        metrics += _metric(
            _described(f"service_propagation_by_{label}", f"endpoint ready until answered, by {label}", {}),
            [
                # An answer may well arrive before the news of the endpoint: both came about at the same time.
                [_until(start.endpoint_ready_ns, max(at_ns, start.endpoint_ready_ns), start.gave_up_ns)]
                for start, at_ns in reached
                if at_ns is not None and start.endpoint_ready_ns is not None
            ],
            "",
            _ANSWER_RESOLUTION_NS,
        )
    return tuple(metrics)


def with_resolution(metric: Metric, resolution_ns: int = ARRIVAL_RESOLUTION_NS) -> Metric:
    """Add a doubt to a time that is shorter than what its clock can tell."""
    if metric.summary.median >= resolution_ns:
        return metric
    median, resolution = (format_quantity(each, Unit.NANOSECONDS) for each in (metric.summary.median, resolution_ns))
    reason = f"a median of {median} is shorter than the {resolution} to which its beginning and end are known"
    return metric.model_copy(update={"flags": (*metric.flags, Flag(code=FlagCode.CLOCK_UNCERTAIN, reason=reason))})


def objective(metrics: Sequence[Metric]) -> Facts:
    """Tell whether pods with a warm image keep Kubernetes' objective, where there are enough for a p99."""
    warm = next((metric for metric in metrics if metric.name == "pod_startup"), None)
    facts: Facts = {"objective_p99_seconds": OBJECTIVE_SECONDS}
    if warm is not None and "p99" in warm.summary.percentiles:
        facts["objective_kept"] = warm.summary.percentiles["p99"].value <= OBJECTIVE_SECONDS * 1e9
    return facts


def _image(startup: Startup, pulls: Mapping[str, Pull], warm_nodes: frozenset[str]) -> Image:
    if startup.uid in pulls:
        return pulls[startup.uid].image
    # A pod that was never scheduled would hardly have pulled; it must not vanish from where it is looked for.
    warm = startup.node in warm_nodes if startup.node else bool(warm_nodes)
    return Image.WARM if warm else Image.UNKNOWN


def _sample(startup: Startup, first: Milestone, last: Milestone, gave_up_ns: int) -> _Sample | None:
    begin = startup.seen.get(first)
    if begin is not None and not begin.late and begin.apart and last not in startup.seen:
        return _Sample(nanoseconds=float(gave_up_ns - begin.at_ns), censored=True)
    told = startup.between_ns(first, last)
    return None if told is None else _Sample(nanoseconds=float(told), censored=False)


def _until(begin_ns: int, end_ns: int | None, gave_up_ns: int) -> _Sample:
    if end_ns is None:
        return _Sample(nanoseconds=float(gave_up_ns - begin_ns), censored=True)
    return _Sample(nanoseconds=float(end_ns - begin_ns), censored=False)


def _described(name: str, title: str, conditions: Facts) -> Description:
    shared: Facts = {"clock": "arrival"}
    return Description(
        name=name, title=title, unit=Unit.NANOSECONDS, better=Better.LOWER, conditions=shared | conditions
    )


def _metric(
    described: Description,
    rounds: Sequence[Sequence[_Sample]],
    failure: str,
    resolution_ns: int = ARRIVAL_RESOLUTION_NS,
) -> list[Metric]:
    samples = [sample for part in rounds for sample in part]
    if not samples:
        return []
    values = [np.array([each.nanoseconds for each in part]) for part in rounds]
    metric = with_resolution(from_samples(described, values), resolution_ns)
    censored = sum(sample.censored for sample in samples)
    if not censored:
        return [metric]
    reason = f"{censored} of {len(samples)} {failure} while waited for; each counts with that time, the least it can be"
    return [metric.model_copy(update={"flags": (*metric.flags, Flag(code=FlagCode.FAILURES, reason=reason))})]


def _with_contradictions(metric: Metric, waves: Sequence[Wave]) -> Metric:
    stage = next((first, last) for name, _, first, last in _STAGES if f"{metric.name}_".startswith(f"{name}_"))
    off = list(_contradictions(stage, waves))
    if not off:
        return metric
    reason = (
        f"the server's stamps contradict {len(off)} of the arrivals by up to {max(off):.1f} s more than their second: "
        "are the clocks of the nodes set?"
    )
    return metric.model_copy(update={"flags": (*metric.flags, Flag(code=FlagCode.CLOCK_UNCERTAIN, reason=reason))})


def _contradictions(stage: tuple[Milestone, Milestone], waves: Sequence[Wave]) -> Iterator[float]:
    # Half a second for an update's own way from the kubelet to us, which the stamps know nothing of.
    return (
        seconds for wave in waves for each in wave.startups if (seconds := each.contradiction_seconds(*stage)) > 0.5
    )
