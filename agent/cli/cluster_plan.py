"""A plan in words for people. Pure."""

from collections import Counter
from collections.abc import Iterator

from jobs.outcome import probe_of
from jobs.plan import Plan
from jobs.step import Measure, Observe, PodStartup, ServiceStartup, Step
from probes.measure.units import Unit, format_quantity, format_seconds

# More nodes than these are as little read as they are known.
_MOST_OTHERS = 5


def announced(plan: Plan) -> str:
    """Return one line: how much there is to do, and what it takes."""
    steps = Counter(probe_of(step) for step in plan.steps)
    shown = ", ".join(f"{name} in {count}" if count > 1 else name for name, count in steps.items())
    cost = plan.cost
    written = f", up to {cost.written_bytes / 1e9:.0f} GB written" if cost.written_bytes else ""
    return (
        f"Plan: {_counted(len(plan.steps), 'step')} on {_counted(len(plan.nodes.nodes), 'node')} ({shown}), "
        f"at most about {format_seconds(cost.seconds)}{written}"
    )


def described(plan: Plan) -> Iterator[str]:
    """Yield a line for each step, for each node that is left out, and for the sum."""
    for step in plan.steps:
        yield f"  {step.name:<18} {doing(step)}, {format_seconds(step.cost.seconds)}{_place(step)}"
    yield from left_out(plan)
    yield announced(plan)


def left_out(plan: Plan) -> Iterator[str]:
    """Yield a line for each node and each storage class that is not probed."""
    others = list(plan.nodes.others.items())
    for name, reason in others[:_MOST_OTHERS]:
        yield f"Not probed: node {name}: it {reason}"
    if len(others) > _MOST_OTHERS:
        yield f"Not probed: {len(others) - _MOST_OTHERS} more nodes"
    for name, reason in plan.classes_left_out.items():
        yield f"Not probed: storage class {name}: it {reason}"


def doing(step: Step) -> str:
    """Say what a step does, in a few words and without names of nodes."""
    match step:
        case Measure():
            size = [] if step.volume is None else [format_quantity(step.volume.size_bytes, Unit.BYTES)]
            return ", ".join([step.probe, *step.what.values(), *size])
        case PodStartup():
            return f"startup of {step.waves} × {step.pods} pods, {step.rate_per_second:g} a second"
        case ServiceStartup():
            return f"startup of {step.repetitions} Services, one after another"
        case Observe():
            return "utilization, as the API tells it"
        case _:
            raise TypeError(f"nobody knows what a {type(step).__name__} does")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _place(step: Step) -> str:
    if isinstance(step, Measure | ServiceStartup) and step.node is not None:
        to = f" to {step.server_node}" if step.server_node not in {None, step.node} else ""
        return f", on {step.node}{to}"
    return ""
