"""From facts to what may leave. Pure: day and chance are given.

Each field is treated as its type in the table says, and the finished document is checked like one that comes from
outside. Whatever goes wrong drops the whole report, and the error tells the place and nothing of the facts.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta

from agent.errors import Dropped
from agent.levels import DataType, Level
from agent.privacy.keys import Keys
from agent.privacy.outgoing import Outgoing
from agent.wire.documents import FRAGMENTS, STATUS, Documents, fields_of
from agent.wire.facts import Facts
from agent.wire.fields import DOCUMENTS
from agent.wire.records import canonical
from agent.wire.types import Json, Kind, Pseudonym, Untreatable
from agent.wire.vocabulary import COLLECTORS

_DAY_SECONDS = 24 * 3600
Chance = Callable[[], float]
"""A number from 0 up to 1, each equally likely and hard to predict, such as `random.SystemRandom().random`."""


def anonymize(  # noqa: PLR0913 - facts, consent, and the three sources of whatever is no fact, each by its name
    facts: Facts,
    *,
    level: Level,
    data_types: Collection[DataType],
    keys: Keys,
    day: date,
    chance: Chance,
    documents: Documents = DOCUMENTS,
) -> tuple[Outgoing, ...]:
    """Return what may leave of `facts` on a day (UTC). Raises Dropped, which tells nothing of them.

    At the minimal level these are up to five fragments, each once a week and at a time of its own until the week ends;
    a Sunday's are those of the next week, since no time of its own is left. Else it is one document.
    """
    asked = _Asked(level=level, data_types=frozenset(data_types), documents=documents)
    try:
        _refuse_unknown(facts, documents)
        if level is Level.MINIMAL:
            return tuple(_fragments(asked, facts, keys, day, chance))
        return (_whole(asked, facts, keys, day),)
    except Untreatable as error:
        trouble = str(error)
    except Exception as error:  # noqa: BLE001 - fail closed, whatever it is; its message may hold a fact
        trouble = f"{type(error).__name__} outside of any field"
    # Outside of the handler: an error raised there would carry the other one along, and what that holds.
    raise Dropped(f"a report was dropped since it can't be anonymized: {trouble}; tell the developers this line")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was consented to, in terms of fields."""

    level: Level
    data_types: frozenset[DataType]
    documents: Documents

    def treated(self, facts: Facts, pseudonym: Pseudonym) -> dict[str, Json]:
        """Return field -> what may leave, for each field that is known."""
        found = {}
        for field in self.documents.table:
            kind = field.kind_at(self.level)
            raw = getattr(getattr(facts, field.subject), field.attribute, None)
            if kind is None or raw is None or field.data_type not in self.data_types:
                continue
            found[field.name] = _treated(field.name, kind, raw, pseudonym)
        return found

    def collected(self, facts: Facts, pseudonym: Pseudonym) -> dict[str, Json]:
        """Return collector -> how it ended; `off` where no field of its own is asked for, whatever else it read."""
        wanted = {
            field.collector
            for field in self.documents.table
            if field.kind_at(self.level) is not None and field.data_type in self.data_types
        }
        statuses = {each: facts.statuses.get(each, "off") if each in wanted else "off" for each in COLLECTORS}
        return {collector: STATUS.treat(status, pseudonym) for collector, status in statuses.items()}


def _treated(name: str, kind: Kind, raw: object, pseudonym: Pseudonym) -> Json:
    try:
        return kind.treat(raw, pseudonym)
    except Untreatable as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - fail closed, whatever it is; its message may hold the fact
        reason = f"of a wrong kind ({type(error).__name__})"
    raise Untreatable(f"{name} is {reason}")


def _fragments(asked: _Asked, facts: Facts, keys: Keys, day: date, chance: Chance) -> Iterator[Outgoing]:
    # The week of tomorrow: in whole days from now, so that a fragment leaves within it at whatever hour it was made.
    iso = (day + timedelta(days=1)).isocalendar()
    week = f"{iso.year}-W{iso.week:02}"
    first_seconds = _DAY_SECONDS if iso.weekday == 1 else 0
    last_seconds = (8 - iso.weekday) * _DAY_SECONDS
    found = asked.treated(facts, keys.pseudonyms(_month(day)))
    for fragment in FRAGMENTS:
        if all(name in found for name in fields_of(fragment)):
            document = {
                "schema": asked.documents.digest,
                "level": asked.level.value,
                "fragment": fragment,
                "week": week,
                "voter": keys.voter(week, fragment),
                **_nested({name: found[name] for name in fields_of(fragment)}),
            }
            yield Outgoing(
                level=asked.level,
                body=_checked(document, asked.documents),
                schema_digest=asked.documents.digest,
                alone=True,
                once=f"{week}/{fragment}",
                earliest_seconds=first_seconds + int(chance() * (last_seconds - first_seconds)),
                latest_seconds=last_seconds,
            )


def _whole(asked: _Asked, facts: Facts, keys: Keys, day: date) -> Outgoing:
    pseudonym = keys.pseudonyms(_month(day))
    document = {
        "schema": asked.documents.digest,
        "level": asked.level.value,
        "day": day.isoformat(),
        "cluster_id": keys.cluster_id,
        "collected": asked.collected(facts, pseudonym),
        **_nested(asked.treated(facts, pseudonym)),
    }
    return Outgoing(
        level=asked.level,
        body=_checked(document, asked.documents),
        schema_digest=asked.documents.digest,
        alone=False,
    )


def _refuse_unknown(facts: Facts, documents: Documents) -> None:
    """Refuse facts that no field describes: nobody has decided how to treat them."""
    known = {field.name for field in documents.table}
    for subject in fields(facts):
        record = getattr(facts, subject.name)
        if subject.name == "statuses" or record is None:
            continue
        for attribute in fields(record):
            name = f"{subject.name}.{attribute.name}"
            if name not in known and getattr(record, attribute.name) is not None:
                raise Untreatable(f"{name} is no field")


def _checked(document: Json, documents: Documents) -> bytes:
    problems = documents.check(document)
    if problems:
        raise Untreatable(str(problems[0]))
    return canonical(document)


def _nested(found: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    subjects: dict[str, dict[str, Json]] = {}
    for name, value in found.items():
        subject, _, attribute = name.partition(".")
        subjects.setdefault(subject, {})[attribute] = value
    return subjects


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
