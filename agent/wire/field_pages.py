"""The data dictionary as a page: `python -m agent.wire.field_pages > docs/fields.md`. Pure but for that."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from agent.levels import Level
from agent.wire.documents import FRAGMENTS, MOST_CELLS, fields_of
from agent.wire.fields import DOCUMENTS

_HEAD = """\
# Fields

Everything that the telemetry agent can send, generated from the table in `agent/wire/fields.py`. A document is checked
against it before it is kept, and again by the service that receives it: what is not on this page can't leave.
[privacy.md](privacy.md) says what each level protects against, and how that is proven.

Schema digest: `{digest}`

The digest covers every field with its type, its treatment and its purpose. Consent is bound to it: when any of these
changes, the agent pauses until consent is given again. [schema-digests.md](schema-digests.md) lists what changed when.

## Around the fields

Each document has these keys beside its subjects.

| key | levels | value |
|---|---|---|
| `schema` | all | the digest above |
| `level` | all | {levels} |
| `day` | standard, detailed | the day, in UTC |
| `cluster_id` | standard, detailed | HMAC-SHA256 under a key that never leaves, 26 characters; new after `rotate-id` |
| `collected` | standard, detailed | how each collector ended: {statuses} |
| `fragment` | minimal | which of the kinds below |
| `week` | minimal | the ISO week |
| `voter` | minimal | HMAC-SHA256 under a key of the week, 20 characters; another for each kind of fragment |

## Fragments of the minimal level

At the minimal level no document holds all fields. Each kind of fragment has the fields of one line, leaves once a week
at a random time and on a connection of its own, and divides all clusters into at most {most} groups.

| fragment | fields | groups |
|---|---|---|
"""


def page() -> str:
    """Return the page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    statuses = DOCUMENTS.shape(Level.STANDARD).parts["collected"].columns["cluster"].allowed
    yield _HEAD.format(digest=DOCUMENTS.digest, levels=", ".join(Level), most=MOST_CELLS, statuses=statuses).rstrip(
        "\n"
    )
    for fragment in FRAGMENTS:
        yield f"| {fragment} | {', '.join(fields_of(fragment))} | {DOCUMENTS.cells(fragment)} |"
    subject = None
    for field in DOCUMENTS.describe():
        if (its := field["name"].partition(".")[0]) != subject:
            subject = its
            yield f"\n## {subject}"
        yield ""
        yield from _field(field)


def _field(field: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {field['name']}"
    yield ""
    yield f"- purpose: {field['purpose']}"
    unit = f"; unit: {field['unit']}" if field["unit"] else ""
    yield f"- level: {field['level']}; data type: {field['data_type']}; collector: {field['collector']}{unit}"
    yield f"- type: {field['type']}: {field['allowed']}"
    yield f"- treatment: {field['treatment']}"
    if field["minimal"] is not None:
        yield f"- at the minimal level: {field['minimal']['allowed']}; treatment: {field['minimal']['treatment']}"
    if field["permissions"]:
        yield f"- needs: {', '.join(field['permissions'])}"
    for name, column in field.get("columns", {}).items():
        yield f"- each `{name}`: {column['type']}: {column['allowed']}; treatment: {column['treatment']}"


if __name__ == "__main__":
    sys.stdout.write(page())
