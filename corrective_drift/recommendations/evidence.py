"""A cluster's documents as series of days, as rules read them. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from operator import itemgetter
from typing import Any

from corrective_drift import votes
from corrective_drift.recommendations.ranges import Range, of_index, range_of

WINDOW_DAYS = 56
"""Eight weeks: long enough for a weekly report to pass the gates, short enough to be about the cluster of today."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read on one day."""

    day: date
    value: Range


Series = tuple[Reading, ...]
"""One reading a day, oldest first."""


@dataclass(frozen=True)
class Evidence:
    """The documents of a window, oldest first."""

    documents: tuple[Document, ...]

    @classmethod
    def of(cls, documents: Sequence[Document], today: date) -> "Evidence":
        """Keep the documents of the window that ends today."""
        first = (today - timedelta(days=WINDOW_DAYS - 1)).isoformat()
        # Where the agent lives, tomorrow may have begun.
        last = (today + timedelta(days=1)).isoformat()
        kept = (each for each in documents if first <= each["day"] <= last)
        return cls(tuple(sorted(kept, key=itemgetter("day"))))

    @cached_property
    def days(self) -> tuple[date, ...]:
        """The days with a report."""
        return tuple(sorted({date.fromisoformat(each["day"]) for each in self.documents}))

    @cached_property
    def facts(self) -> votes.Facts | None:
        """What the cluster is compared by, as votes have it: the latest document's; None without any."""
        return votes.facts(self.documents[-1]) if self.documents else None

    def word(self, name: str) -> Any:
        """Return the latest value of a field as it came; None where no document has it."""
        return next((found for each in reversed(self.documents) if (found := _at(each, name)) is not None), None)

    def days_of(self, name: str, word: object) -> tuple[date, ...]:
        """Return the days on which a field was reported as this."""
        return tuple(sorted({date.fromisoformat(each["day"]) for each in self.documents if _at(each, name) == word}))

    def field(self, name: str) -> Series:
        """Return the ranges of a field by day."""
        read = ((each["day"], range_of(name, _at(each, name))) for each in self.documents)
        return daily((day, value) for day, value in read if value is not None)

    def latest(self, name: str) -> Range | None:
        """Return the range of a field in the latest document that has it."""
        return range_of(name, self.word(name))

    def measured(self, metric: str) -> dict[tuple[str, str], Series]:
        """Return what probes measured of a metric: place, storage class or empty -> by day.

        A class is named where a document has several at one place; its name is a digest that changes every month, so
        that only a class that is alone at its place is followed across months.
        """
        found: dict[tuple[str, str], list[tuple[str, Range]]] = defaultdict(list)
        for place, owner, day, bucket in self._statements[metric]:
            found[place, owner if place in self._shared[metric] else ""].append((day, bucket))
        return {key: daily(read) for key, read in sorted(found.items())}

    @cached_property
    def _statements(self) -> Mapping[str, list[tuple[str, str, str, Range]]]:
        found: dict[str, list[tuple[str, str, str, Range]]] = defaultdict(list)
        for document in self.documents:
            for owner, part in _by_class(document):
                for (metric, place), bucket in votes.statements(part):
                    found[metric].append((place, owner, document["day"], _measured(metric, bucket)))
        return found

    @cached_property
    def _shared(self) -> Mapping[str, set[str]]:
        """The places of each metric that a day has several of."""
        shared: dict[str, set[str]] = defaultdict(set)
        for metric, statements in self._statements.items():
            owners: dict[tuple[str, str], set[str]] = defaultdict(set)
            for place, owner, day, _ in statements:
                owners[place, day].add(owner)
            shared[metric] = {place for (place, _), names in owners.items() if len(names) > 1}
        return shared


def daily(read: Iterator[tuple[str, Range]] | Sequence[tuple[str, Range]]) -> Series:
    """Return one reading a day, oldest first: of several the lower median."""
    by_day: dict[str, list[Range]] = defaultdict(list)
    for day, value in read:
        by_day[day].append(value)
    return tuple(Reading(date.fromisoformat(day), _middle(by_day[day])) for day in sorted(by_day))


def paired(first: Series, second: Series) -> tuple[tuple[Reading, Reading], ...]:
    """Return the readings of the days that both series have."""
    by_day = {each.day: each for each in second}
    return tuple((each, by_day[each.day]) for each in first if each.day in by_day)


def _middle(values: list[Range]) -> Range:
    ordered = sorted(values, key=lambda each: (each.low, each.high))
    return ordered[(len(ordered) - 1) // 2]


def _measured(metric: str, bucket: int) -> Range:
    measure = votes.measure(metric)
    assert measure is not None, "every statement is of a metric of this release"
    return of_index(bucket, first=measure.first, last=measure.last, step=measure.step)


def _by_class(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield the probes' part of a document; each storage class alone, with its name."""
    benchmarks = document.get("benchmarks")
    if benchmarks is None:
        return
    storage = benchmarks.get("storage", ())
    yield "", {"benchmarks": {name: part for name, part in benchmarks.items() if name != "storage"}}
    for owner in sorted({row.get("storage_class", "") for row in storage}):
        rows = [row for row in storage if row.get("storage_class", "") == owner]
        yield owner, {"benchmarks": {"profile": benchmarks.get("profile"), "storage": rows}}


def _at(document: Document, name: str) -> Any:
    subject, _, attribute = name.partition(".")
    record = document.get(subject)
    return record.get(attribute) if isinstance(record, Mapping) else None
