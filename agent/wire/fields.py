"""The table of all that can leave, and what follows from it: schema, digest, checking, permissions. Pure.

This is the one place that decides what a document may hold. The agent, the pages of documentation, the RBAC rules and
the service that receives documents all read it. Cheap to import, and safe to call with anything that came from outside.
"""

from collections.abc import Collection
from typing import Any

from agent.levels import DataType, Level
from agent.wire.documents import Documents
from agent.wire.field import Permission
from agent.wire.fields_benchmarks import BENCHMARKS_FIELDS
from agent.wire.fields_cluster import CLUSTER_FIELDS, NODES_FIELDS
from agent.wire.fields_platform import PLATFORM_FIELDS, POLICIES_FIELDS
from agent.wire.fields_workloads import USAGE_FIELDS, WORKLOADS_FIELDS
from agent.wire.types import Json, Problem

TABLE = (
    *CLUSTER_FIELDS,
    *NODES_FIELDS,
    *WORKLOADS_FIELDS,
    *USAGE_FIELDS,
    *PLATFORM_FIELDS,
    *POLICIES_FIELDS,
    *BENCHMARKS_FIELDS,
)
DOCUMENTS = Documents(TABLE)


def schema(level: Level) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a level's documents."""
    return DOCUMENTS.schema(level)


def schema_digest() -> str:
    """Return the SHA-256 of everything that consent is given to: what can be sent, how treated, and what for."""
    return DOCUMENTS.digest


def check(document: Json) -> tuple[Problem, ...]:
    """Return what is wrong with a document, whatever it is; none of it repeats anything out of the document."""
    return DOCUMENTS.check(document)


def describe() -> list[dict[str, Any]]:
    """Return the data dictionary: an entry for each field, ready for JSON."""
    return DOCUMENTS.describe()


def permissions(level: Level, data_types: Collection[DataType]) -> tuple[Permission, ...]:
    """Return what the API server must allow for the fields of a level and some data types, each once, in order."""
    needed = {
        permission
        for field in TABLE
        if field.kind_at(level) is not None and field.data_type in data_types
        for permission in field.reads
    }
    return tuple(
        sorted(needed, key=lambda each: (each.own_namespace, each.path, each.group, each.resource, each.verbs))
    )
