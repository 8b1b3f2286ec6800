"""Inserting many rows by one statement.

A driver's `executemany` gives the interpreter's lock away and takes it back for each row. Where another thread reads
requests meanwhile, each of these can take milliseconds (the convoy effect, bugs.python.org/issue7946); one statement
takes it back once.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Integer, LargeBinary, String, Table

# SQLite takes 32 766 variables in a statement; this many rows of our widest table have fewer.
_SQLITE_ROWS = 500
_ARRAYS: tuple[tuple[type, str], ...] = (
    (Boolean, "boolean[]"),
    (Integer, "integer[]"),
    (LargeBinary, "bytea[]"),
    (String, "text[]"),
)
Row = tuple[Any, ...]


def insert_all(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each with a value for every column in the table's order."""
    _insert(connection, table, rows, "")


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *returned: Column[Any]
) -> set[Any]:
    """Insert those rows whose primary key is not there yet; return the given columns of these, of one alone its values.

    RETURNING tells, since the count of rows that psycopg gives after ON CONFLICT is wrong.
    """
    names = ", ".join(column.name for column in returned)
    order = [column.name for column in table.columns]
    ordered = [tuple(row[name] for name in order) for row in rows]
    found = _insert(connection, table, ordered, f" ON CONFLICT DO NOTHING RETURNING {names}")
    return {row[0] for row in found} if len(returned) == 1 else set(found)


def _insert(connection: Connection, table: Table, rows: Sequence[Row], ending: str) -> list[tuple[Any, ...]]:
    names = tuple(table.columns.keys())
    found: list[tuple[Any, ...]] = []
    if connection.dialect.name == "postgresql":
        arrays = tuple(map(list, zip(*rows, strict=True)))
        result = connection.exec_driver_sql(_postgresql(table, names) + ending, arrays)
        return [tuple(row) for row in result] if ending else found
    for begin in range(0, len(rows), _SQLITE_ROWS):
        some = rows[begin : begin + _SQLITE_ROWS]
        values = tuple(chain.from_iterable(some))
        result = connection.exec_driver_sql(_sqlite(table, names, len(some)) + ending, values)
        if ending:
            found += map(tuple, result)
    return found


@cache
def _postgresql(table: Table, names: Sequence[str]) -> str:
    types = [next(array for kind, array in _ARRAYS if isinstance(column.type, kind)) for column in table.columns]
    # %b: binary, since psycopg escapes each quote of a text array in Python, and documents are full of them.
    arrays = ", ".join(f"%b::{type_}" for type_ in types)
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names


@cache
def _sqlite(table: Table, names: Sequence[str], rows: int) -> str:
    row = f"({', '.join('?' * len(names))})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - our own names
