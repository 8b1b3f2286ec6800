"""What is said to a cluster: records that become JSON as they are. Pure."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from probes.measure.record import Record


class Confidence(StrEnum):
    """How sure a finding is; what the words stand for is in `gates`."""

    CERTAIN = "certain"
    """Nothing of chance is in it, such as a date that has passed."""
    HIGH = "high"
    MEDIUM = "medium"


class Observed(Record):
    """What the cluster itself reported."""

    what: str
    """A field or a metric with its place, such as `storage.read_latency quick/aws_ebs`."""
    value: float
    """The median over the days, of a bucket its middle."""
    low: float
    """Of the 95 % interval of the median over the days, buckets' ends included."""
    high: float | None
    """Of the interval; null where the uppermost bucket has no end."""
    unit: str
    """Of the three."""
    days: int = Field(ge=1)
    """How many days it was seen on; of several reports of a day the median counts."""
    first_day: date
    last_day: date


class Reference(Record):
    """What it was held against."""

    kind: str
    """`community`, `published` or `threshold`."""
    threshold: float | None
    """Beyond this a day counts; null where the reference is a date."""
    source: str
    """Where that comes from, in words."""
    rung: int | None = None
    """Of the ladder of cohorts."""
    cohort: dict[str, str] = Field(default_factory=dict)
    """What the cohort has in common."""
    contributors: int | None = None
    """How many clusters at least (k)."""
    percentiles: dict[str, float] = Field(default_factory=dict)
    """Of the cohort, in the unit of what was observed."""
    week: str | None = None
    """Whose values these are."""
    dated: date | None = None
    """When published knowledge was looked up."""


class Saving(Record):
    """What could be gained, as a range."""

    of: str
    """`unused` is what nobody uses; `realizable` is what would become free to give back; `time` is time."""
    low: float
    mid: float
    high: float
    unit: str
    """Cores, GiB, nodes, or the unit of the metric."""
    price_source: str
    """Where the price comes from; without one, that there is none."""
    money_low: float | None = None
    money_high: float | None = None
    currency: str | None = None
    """Of the two, a month."""
    assumption: str
    """Under which the range holds."""


class Finding(Record):
    """One piece of advice with all that it stands on."""

    rule: str
    version: int
    title: str
    subject: str
    """What of the cluster it is about; empty for all of it."""
    observed: Observed
    baseline: Reference
    effect: float
    """Cliff's δ of the days against the reference, -1 to 1."""
    p_value: float
    """Of the rule's own test, one-sided."""
    adjusted_p_value: float
    """By Benjamini & Hochberg over everything that was tested of this cluster."""
    savings: tuple[Saving, ...] = ()
    confidence: Confidence
    action: str
    risk: str
    undo: str


class Abstention(Record):
    """A rule that can't know, and why."""

    rule: str
    subject: str = ""
    reason: str


class Advice(Record):
    """All that is said to a cluster on a day."""

    day: date
    first_day: date | None
    """Of the reports that were looked at."""
    days: int
    """On how many days there are reports."""
    baseline_week: str | None
    """Of the release that was used; null as long as there is none."""
    tested: int
    """How many tests the false discovery rate is kept over."""
    false_discovery_rate: float
    recommendations: tuple[Finding, ...] = ()
    abstained: tuple[Abstention, ...] = ()
    clear: tuple[str, ...] = ()
    """The rules that could judge and have nothing to advise."""
    reason: str
    """In a line, what the outcome is."""
