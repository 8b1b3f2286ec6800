"""Load that varies much, and nothing that scales with it. Pure.

Two days of one cluster differ where the whole range of one is at least twice that of the other. Days are paired, each
once, the first half of the window with the second, so that pairs are as independent as days are; a pair in ten that
differs is taken for ordinary.
"""

from collections.abc import Iterator

from corrective_drift.recommendations.case import Candidate, Case, Rule, against_threshold, observed
from corrective_drift.recommendations.evidence import Series
from corrective_drift.recommendations.finding import Abstention
from corrective_drift.recommendations.trial import Trial, tail

_LOAD = "usage.cpu_used_p50"
_SCALED = "workloads.autoscaled_share"
_TIMES = 2.0
_ORDINARY = 0.1
# A range of the field ends here.
_MOST_SCALED = 0.05
# Twice next to nothing is next to nothing.
_LEAST_LOAD = 0.1


def _judge(case: Case) -> Iterator[Candidate | Abstention]:
    load, scaled = case.evidence.field(_LOAD), case.evidence.field(_SCALED)
    if not load or not scaled:
        yield MISSING_AUTOSCALING.abstains(f"no report has {_LOAD} and {_SCALED}")
        return
    busy = sorted(each.value.low for each in load)[-(len(load) // 4 or 1)]
    yield Candidate(
        subject="",
        trial=_varies(load),
        suspected=scaled[-1].value.high <= _MOST_SCALED and busy >= _LEAST_LOAD,
        observed=observed(_LOAD, load, "of what is allocatable on the middle node"),
        baseline=against_threshold(_TIMES, "days that are apart by a factor of two; one pair in ten is ordinary"),
        action="let a HorizontalPodAutoscaler scale the Deployments whose load varies, by CPU or by what drives it, "
        "and a cluster autoscaler the nodes",
        risk="too eager scaling restarts pods all the time: begin with a floor of today's replicas; what doesn't "
        "share its work among replicas gains nothing",
        undo="delete the autoscaler and set the replicas to what they were",
    )


def _varies(load: Series) -> Trial:
    half = len(load) // 2
    pairs = [(first.value, second.value) for first, second in zip(load[:half], load[half : 2 * half], strict=True)]
    apart = sum(
        high.low >= _TIMES * low.high for low, high in (sorted(pair, key=lambda each: each.low) for pair in pairs)
    )
    return Trial(
        days=len(load),
        beyond=2 * apart,
        p_value=tail(apart, len(pairs), _ORDINARY),
        effect=apart / max(1, len(pairs)),
    )


MISSING_AUTOSCALING = Rule(
    name="missing-autoscaling",
    version=1,
    title="Load that varies, and nothing that scales with it",
    judge=_judge,
    needs=(_LOAD, _SCALED),
)
