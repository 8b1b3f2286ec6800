"""What is kept about a cluster, row by row, with what each part of it is for: records in, words out. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agent.wire.fields import describe
from corrective_drift.dashboard import names, view
from corrective_drift.dashboard.report_words import value_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A table of the service."""

    title: str
    purpose: str
    columns: Mapping[str, tuple[str, str]]
    """Column -> its heading, and what it is for."""


_CLUSTER_ID = ("cluster id", "the pseudonym that all rows of a cluster are kept under; to know it grants nothing")
HOLDINGS: Mapping[str, Holding] = {
    "clusters": Holding(
        title="The cluster",
        purpose="One row: that it exists, and which consent is in force.",
        columns={
            "cluster_pid": _CLUSTER_ID,
            "token_sha256": ("token's digest", "tells whether a token is this cluster's; the token itself is not kept"),
            "first_day": ("first day", "the day of the first report; nothing is kept more exactly than its day"),
            "consent_digest": ("consent", "the digest of the consent in force; reports under another are refused"),
            "schema_digest": ("schema", "the digest of the fields that this consent was given to"),
            "revoked": ("revoked", "whether the consent was taken back; then nothing more is taken"),
        },
    ),
    "consents": Holding(
        title="Consents",
        purpose="Every consent that was named, so that one which was replaced or revoked never holds again.",
        columns={
            "cluster_pid": _CLUSTER_ID,
            "consent_digest": ("consent", "the digest of a consent; what it says stays with the agent"),
            "first_day": ("first day", "the day on which it was first named"),
            "revoked": ("revoked", "whether it was taken back"),
        },
    ),
    "reports": Holding(
        title="Reports",
        purpose="The documents as they came. Everything that is shown, compared and recommended comes from here.",
        columns={
            "cluster_pid": _CLUSTER_ID,
            "day": ("day", "the report's own day, to put reports in order"),
            "report_id": ("report", "tells reports of a day apart: the request it came in, and its place there"),
            "level": ("level", "the level of privacy, which says what the document may hold"),
            "document": ("document", "what was reported, each field with its purpose on a page of its own"),
        },
    ),
    "batches": Holding(
        title="Requests",
        purpose="What was taken, so that a repeated request counts once and its receipt can be given again.",
        columns={
            "cluster_pid": _CLUSTER_ID,
            "batch_id": ("request", "the id that the agent gave it, by which a repeat is known"),
            "body_sha256": ("body's digest", "tells a repeat from another request under the same id"),
            "documents": ("documents", "how many came"),
            "accepted": ("accepted", "how many were taken, as the receipt says"),
            "received_day": ("received", "the day of its arrival, as the receipt says"),
            "audit_head": ("audit trail", "the end of the agent's own audit trail then, which shows if it was cut"),
        },
    ),
    "votes": Holding(
        title="Votes",
        purpose="What counts into the baselines: one number a metric and week, however often the cluster reported.",
        columns={
            "cluster_pid": _CLUSTER_ID,
            "week": ("week", "the week that it counts in"),
            "metric": ("metric", "what it is about"),
            "place": ("place", "how thoroughly it was measured, and on which path or kind of storage"),
            "day": ("last day", "the last day that went into it"),
            "provider": ("provider", "part of the cohort that it is compared with"),
            "region_class": ("region", "part of the cohort that it is compared with"),
            "minor": ("version", "part of the cohort that it is compared with"),
            "node_bucket": ("nodes", "part of the cohort that it is compared with"),
            "bucket": ("value", "the median of the week's reports, as the number of a bucket"),
        },
    ),
}
"""Table -> what it is, in the order shown; a test compares it with the store's own columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A field of a report with what it is for."""

    name: str
    value: str
    purpose: str
    treatment: str
    data_type: str
    level: str
    rows: view.Table | None


def cells(table: str, rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return rows of a table as text, without the pseudonym, which is the same in all of them."""
    return [[_cell(table, row, name) for name in HOLDINGS[table].columns if name != "cluster_pid"] for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The fields of a subject."""

    title: str
    fields: Sequence[Described]


def described(document: Mapping[str, Any]) -> list[Subject]:
    """Return every field of a document with its purpose, in the order of the table of fields."""
    found = {
        f"{subject}.{attribute}": value
        for subject, said in document.items()
        if subject != "collected" and isinstance(said, dict)
        for attribute, value in said.items()
    }
    known = [each for each in describe() if each["name"] in found]
    unknown = sorted(found.keys() - {each["name"] for each in known})
    fields = [
        *(_described(each, found[each["name"]]) for each in known),
        *(_described({"name": name} | _UNKNOWN, found[name]) for name in unknown),
    ]
    return [
        Subject(title=names.subject_title(subject), fields=list(group))
        for subject, group in groupby(fields, key=lambda each: each.name.partition(".")[0])
    ]


def around(document: Mapping[str, Any]) -> list[view.Fact]:
    """Return the keys of a document that are no fields."""
    return [(name, str(value)) for name, value in document.items() if not isinstance(value, dict)]


_UNKNOWN = {
    "purpose": "a field of an earlier schema, which this release of the service no longer knows",
    "treatment": "not known",
    "data_type": "not known",
    "level": "not known",
}


def _described(field: Mapping[str, Any], value: Any) -> Described:
    name = str(field["name"])
    is_table = isinstance(value, list) and any(isinstance(each, dict) for each in value)
    return Described(
        name=name,
        value=value_words(name, value),
        purpose=str(field["purpose"]),
        # The table of fields is written for Markdown.
        treatment=str(field["treatment"]).replace("`", ""),
        data_type=names.spoken(str(field["data_type"])),
        level=str(field["level"]),
        rows=_rows(name, value) if is_table else None,
    )


def _rows(name: str, rows: Sequence[Any]) -> view.Table:
    columns = sorted({key for row in rows if isinstance(row, dict) for key in row})
    return view.Table(
        caption=f"{name}: every row as it is kept",
        head=[names.spoken(column) for column in columns],
        rows=[[_in_row(row.get(column)) for column in columns] for row in rows if isinstance(row, dict)],
    )


def _in_row(value: Any) -> str:
    return "" if value is None else ", ".join(_parts(value))


def _parts(value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield names.plain(value)
    elif not value:
        yield "none"
    else:
        # A histogram: [[bucket, thousandths], …].
        yield from (":".join(map(str, each)) if isinstance(each, list) else names.plain(each) for each in value)


def _cell(table: str, row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if table == "votes" and name == "bucket":
        scale = names.scale_of(str(row["metric"]), "")
        return str(value) if scale is None else f"{names.bucket_value(scale, value)} (bucket {value})"
    match value:
        case None:
            return "none"
        case bytes():
            return value.hex()
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
