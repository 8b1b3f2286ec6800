"""Taking the file that an agent behind an air gap has exported: each batch as if it had come over the network.

No token is in such a file. Who carries it is trusted by the operator who imports it; a cluster that is known by files
alone belongs to the first token that reports as it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine

from agent.delivery.outbox_export import Carried, read
from agent.errors import StateUnusable
from corrective_drift.envelope import envelope
from corrective_drift.errors import InvalidOption
from corrective_drift.ingest import Submission, submission
from corrective_drift.problems import Problem
from corrective_drift.store.batches import take
from corrective_drift.store.engine import writing

# Of at most 2 MiB each: few enough for memory.
_AT_ONCE = 16


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of a file."""

    batches: int = 0
    documents: int = 0
    """That count; of those that had arrived before, the same as then."""
    refused: Counter[str] = field(default_factory=Counter)
    """Batches that were not taken, by the word of the problem."""


def take_file(engine: Engine, path: Path, today: date) -> Imported:
    """Take all batches of a file that can be taken. Raises InvalidOption for what is no export, and Unusable."""
    imported = Imported()
    try:
        waiting = _submissions(read(path), today, imported)
        while group := list(islice(waiting, _AT_ONCE)):
            with writing(engine) as connection:
                outcomes = take(connection, group, today)
            for outcome in outcomes:
                if isinstance(outcome, Problem):
                    imported.refused[outcome.code.word] += 1
                else:
                    imported.batches += 1
                    imported.documents += outcome.accepted
    except StateUnusable as error:
        raise InvalidOption(str(error)) from error
    return imported


def _submissions(carried: Iterator[Carried], today: date, imported: Imported) -> Iterator[Submission]:
    for each in carried:
        try:
            yield submission(envelope({name.lower(): value for name, value in each.headers.items()}), each.body, today)
        except Problem as problem:
            imported.refused[problem.code.word] += 1
