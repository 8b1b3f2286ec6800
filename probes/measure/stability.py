"""Whether a number may be believed: each doubt is a flag with its reason, never a silent correction."""

from enum import StrEnum

from probes.measure.record import Record


class FlagCode(StrEnum):
    """Every doubt that a result can carry; the name is part of the result's schema."""

    INDICATIVE = "indicative"
    FEW_ROUNDS = "few-rounds"
    FEW_SAMPLES = "few-samples"
    WIDE_INTERVAL = "wide-interval"
    NOT_STEADY = "not-steady"
    WARM_UP = "warm-up"
    DRIFT = "drift"
    OUTLIERS = "outliers"
    BIMODAL = "bimodal"
    THROTTLED = "throttled"
    CPU_STOLEN = "cpu-stolen"
    INTERFERENCE = "interference"
    CLOCK_UNCERTAIN = "clock-uncertain"
    CACHED = "cached"
    VOLATILE = "volatile"
    MAY_BE_BURST = "may-be-burst"
    ENGINE_FALLBACK = "engine-fallback"
    MISSED_SLOTS = "missed-slots"
    FAILURES = "failures"
    BUDGET_SPENT = "budget-spent"
    TOOL_LIMIT = "tool-limit"


class Flag(Record):
    """One doubt about a metric or a whole probe, with its reason in a sentence a person understands."""

    code: FlagCode
    reason: str
