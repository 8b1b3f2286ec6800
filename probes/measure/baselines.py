"""The community's baselines as they are published: a format that is versioned, documented, and read whole.

A release says for each metric where the clusters of a cohort stand: who contributes one value a week (its median), as
percentiles in buckets. It holds no cluster's value and nothing about groups of fewer than `LEAST_CONTRIBUTORS`.
Whoever has the release compares alone: there is no question to ask that would tell what is compared.
"""

import json
import math
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from probes.measure.histogram import GAMMA
from probes.measure.record import Record

FORMAT: Literal["prism-baselines"] = "prism-baselines"
VERSION: Literal[1] = 1

LEAST_CONTRIBUTORS = 20
"""Fewer are never told about, in any combination of what is published (k of k-anonymity, Sweeney 2002)."""
LEAST_BEYOND = 5
"""So many contributors lie beyond each percentile that is published, so that none is nearly one cluster's value."""
PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)

FACTS = ("provider", "region_class", "minor", "node_bucket")
"""What clusters are compared by."""
LADDER = (FACTS, ("provider", "minor", "node_bucket"), ("provider", "node_bucket"), ("provider",), ())
"""Rung -> what its cohorts have in common; where a rung has too few clusters, the next one answers.

The kind of storage is no rung: it belongs to the place of a measurement and is never dropped, since a network file
system is no measure for a local disk.
"""
UNKNOWN = "unknown"
"""The word of a fact that a cluster doesn't tell; it stands in no cohort that is published."""
NODE_BUCKETS = ("0-4", "5-15", "16-63", "64+")
"""Ranges of the number of nodes: those of the minimal level, which every level can be brought to."""
UNFIT = frozenset({"cached", "clock-uncertain", "throttled", "tool-limit"})
"""Flags that say that a value is the tool's, the clock's or a limit's, and not the cluster's: it is not compared."""

_LOG_GAMMA = math.log(GAMMA)
_Word = Annotated[str, StringConstraints(max_length=64)]
_Week = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-W[0-5][0-9]$")]
_Percentile = Annotated[str, StringConstraints(pattern=r"^p[1-9][0-9]?$")]


class Scale(StrEnum):
    """What a bucket's number stands for."""

    LOGARITHMIC = "logarithmic"
    """Bucket i covers (γ^(i - step), γ^i]."""
    RANGES = "ranges"
    """Bucket i is the i-th of `words`, which are ranges in ascending order."""


class CohortBaseline(Record):
    """Where the clusters of one cohort stand."""

    rung: int = Field(ge=0, lt=len(LADDER))
    """On the ladder of cohorts; 0 is the finest."""
    cohort: tuple[_Word, ...]
    """The words of the rung's facts, in the ladder's order."""
    week: _Week
    """Whose values these are; older than the release where the cohort has hardly changed since."""
    contributors: int = Field(ge=LEAST_CONTRIBUTORS)
    """How many clusters at least; rounded down to a multiple of five, so that no difference of two tells of one."""
    percentiles: dict[_Percentile, int]
    """Such as `p95` -> the number of its bucket."""


class MetricBaseline(Record):
    """One metric at one place, by cohort."""

    metric: _Word
    """Probe or subject, dot, name, such as `latency.request_response_64b`."""
    place: _Word
    """How thoroughly it was measured, and on which path or kind of storage, such as `quick/aws_ebs`; else empty."""
    scale: Scale
    """What a bucket's number stands for."""
    step: int = Field(default=1, ge=1)
    """How many buckets of γ are one; only multiples of it occur."""
    first: int
    """The lowest bucket, of zero and all that is below."""
    last: int
    """The highest bucket, of all that is above."""
    words: tuple[_Word, ...] = ()
    """The ranges of the scale `ranges`."""
    cohorts: tuple[CohortBaseline, ...]
    """Coarse and fine ones; a finer one is part of a coarser one."""

    @cached_property
    def by_cohort(self) -> Mapping[tuple[int, tuple[str, ...]], CohortBaseline]:
        """Rung and words -> the cohort."""
        return {(each.rung, each.cohort): each for each in self.cohorts}

    def bucket(self, value: float) -> int:
        """Return the bucket of a value of a logarithmic scale; raises ValueError for a negative one and for NaN."""
        if not value >= 0:
            raise ValueError("only values of zero and more have a bucket")
        if value == 0 or math.isinf(value):
            return self.last if value else self.first
        index = math.ceil(math.log(value) / _LOG_GAMMA)
        return min(max(-(-index // self.step) * self.step, self.first), self.last)

    def value(self, bucket: int) -> float:
        """Return the value that stands for a bucket of a logarithmic scale: off by as much at either end."""
        low, high = GAMMA ** (bucket - self.step), GAMMA**bucket
        return 2 * low * high / (low + high)


class Release(Record):
    """All baselines of one week."""

    format: Literal["prism-baselines"] = FORMAT
    """What this is."""
    version: Literal[1] = VERSION
    """Of this format; raised when an older reader would misread it."""
    week: _Week | None
    """The last week that went in; null as long as there is no baseline yet."""
    gamma: float = GAMMA
    """The ratio of neighboring buckets."""
    ladder: tuple[tuple[_Word, ...], ...] = LADDER
    """Rung -> the facts that its cohorts have in common."""
    metrics: tuple[MetricBaseline, ...] = ()
    """What there are baselines of."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no baseline yet."""
        return not self.metrics

    @cached_property
    def by_metric(self) -> Mapping[tuple[str, str], MetricBaseline]:
        """Metric and place -> its baselines."""
        return {(each.metric, each.place): each for each in self.metrics}

    def cohort(self, metric: str, place: str, facts: Mapping[str, str]) -> CohortBaseline | None:
        """Return the finest cohort of a cluster with these facts; None where there is none for the metric.

        A fact that is missing or `unknown` rules out the rungs that need it.
        """
        baseline = self.by_metric.get((metric, place))
        if baseline is None:
            return None
        cells = ((rung, tuple(facts.get(fact, UNKNOWN) for fact in names)) for rung, names in enumerate(LADDER))
        return next((found for cell in cells if (found := baseline.by_cohort.get(cell)) is not None), None)


EMPTY = Release(week=None)
"""What an installation publishes that has released nothing: no baseline yet."""


def node_bucket(nodes: int) -> str:
    """Return the range that a number of nodes lies in."""
    return next(word for least, word in zip((64, 16, 5, 0), reversed(NODE_BUCKETS), strict=True) if nodes >= least)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a release."""
    schema = Release.model_json_schema(mode="serialization")
    return schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def read_release(text: str | bytes) -> Release:
    """Read a release from its JSON. Raises ValueError with one line that says what `text` is instead."""
    try:
        release = Release.model_validate_json(text)
    except ValidationError as error:
        data = _object(text)
        if data.get("format") != FORMAT:
            raise ValueError("no release of community baselines: is this the address of the service?") from None
        if data.get("version") != VERSION:
            raise ValueError(
                f"a release in a format other than version {VERSION}: use a later release of probe"
            ) from None
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"a damaged release of community baselines: {place}: {first['msg']}") from None
    if (release.ladder, release.gamma) != (LADDER, GAMMA):
        raise ValueError("a release with other cohorts or buckets than are known here: use a later release of probe")
    return release


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
