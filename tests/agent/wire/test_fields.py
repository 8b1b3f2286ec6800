"""The table of fields: what it lets pass and what not, for whoever sends a document."""

import copy
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys
from agent.wire import vocabulary
from agent.wire.documents import Documents
from agent.wire.facts import Facts
from agent.wire.field import Permission
from agent.wire.fields import TABLE, check, permissions, schema, schema_digest
from agent.wire.records import canonical
from jobs.preview import NEEDS
from tests.agent.privacy.canaries import CANARIES, leaks
from tests.agent.privacy.made_facts import ROWS, SUBJECTS, facts, facts_with_names

EVERYTHING = frozenset(DataType)
VALIDATORS = {level: jsonschema.Draft202012Validator(schema(level)) for level in Level}


def documents(made: Facts, level: Level, data_types: frozenset[DataType] = EVERYTHING) -> list[Any]:
    outgoing = anonymize(
        made, level=level, data_types=data_types, keys=Keys(bytes(32)), day=date(2026, 11, 23), chance=lambda: 0.5
    )
    assert all(each.schema_digest == schema_digest() for each in outgoing)
    assert all(each.body == canonical(json.loads(each.body)) for each in outgoing)
    return [json.loads(each.body) for each in outgoing]


COMPLETE = [each for level in Level for each in documents(facts_with_names(map(str, count()).__next__), level)]


@pytest.mark.parametrize("level", Level)
@settings(max_examples=25, deadline=None)
@given(made=facts(), data_types=st.sets(st.sampled_from(DataType)).map(frozenset))
def test_whatever_is_known_of_a_cluster_leaves_as_a_document_of_the_schema(
    level: Level, made: Facts, data_types: frozenset[DataType]
) -> None:
    for document in documents(made, level, data_types):
        assert check(document) == ()
        VALIDATORS[level].validate(document)


@settings(max_examples=15, deadline=None)
@given(made=facts(absent=False), data_types=st.sets(st.sampled_from(DataType)).map(frozenset))
def test_only_fields_of_what_was_consented_to_leave(made: Facts, data_types: frozenset[DataType]) -> None:
    (document,) = documents(made, Level.DETAILED, data_types)
    sent = {f"{subject}.{name}" for subject in SUBJECTS if subject in document for name in document[subject]}
    assert sent == {field.name for field in TABLE if field.data_type in data_types}
    wanted = {field.collector for field in TABLE if field.data_type in data_types}
    assert all(status == "off" for each, status in document["collected"].items() if each not in wanted)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(node, dict | list):
        for key, part in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(part, (*path, key))


def deep(levels: int) -> Any:
    node: Any = []
    for _ in range(levels):
        node = [node]
    return node


FOREIGN = [
    CANARIES[0],
    10**4000,
    -(10**40),
    0.5,
    float("nan"),
    float("inf"),
    None,
    {CANARIES[1]: 1},
    [[[]]],
    deep(10_000),
]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    other = copy.deepcopy(document)
    node = other
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return other


@settings(deadline=None)
@given(data=st.data())
def test_a_document_with_one_foreign_value_anywhere_is_refused_with_the_place_and_without_the_value(
    data: st.DataObject,
) -> None:
    document = data.draw(st.sampled_from(COMPLETE))
    path = data.draw(st.sampled_from(list(places(document))))
    problems = check(changed(document, path, data.draw(st.sampled_from(FOREIGN))))
    assert 0 < len(problems) <= 20
    assert leaks("\n".join(str(each) for each in problems)) == []
    named = [part for part in path if isinstance(part, str)]
    assert any(all(part in each.path for part in named) for each in problems)


@settings(deadline=None)
@given(data=st.data())
def test_a_document_with_one_further_key_anywhere_is_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(COMPLETE)))
    objects = [path for path in places(document) if isinstance(_at(document, path), dict)]
    key = data.draw(st.sampled_from([CANARIES[0], "", "name ", "__proto__", "Count"]))
    _at(document, data.draw(st.sampled_from(objects)))[key] = data.draw(st.sampled_from([1, "x", None, {}]))
    problems = check(document)
    assert problems
    assert leaks(str(problems)) == []


@settings(deadline=None)
@given(data=st.data())
def test_a_number_or_label_out_of_its_bounds_is_refused(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(COMPLETE))
    scalars = [path for path in places(document) if isinstance(_at(document, path), int | str) and path]
    path = data.draw(st.sampled_from(scalars))
    value = _at(document, path)
    wrong = {
        bool: st.sampled_from([1, 0, "true"]),
        int: st.sampled_from([5001, -5001, True, str(value)]),
        str: st.sampled_from([f"{value} ", f"{value}\n", str(value).upper() + "A", "", "٣-٤"]),
    }
    assert check(changed(document, path, data.draw(wrong[type(value)])))


@settings(deadline=None)
@given(data=st.data())
def test_a_document_without_a_key_that_it_needs_is_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(COMPLETE)))
    needed = [
        "schema",
        "level",
        *(["week", "voter", "fragment"] if document["level"] == "minimal" else ["day", "collected"]),
    ]
    del document[data.draw(st.sampled_from(needed))]
    assert check(document)


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from([*sorted(SUBJECTS), "level", "fragment"]) | st.text(), inner)
    ),
)


@given(
    document=anything
    | st.fixed_dictionaries({"level": st.sampled_from(["minimal", "standard", "detailed"]) | anything})
)
def test_anything_at_all_can_be_asked_about(document: Any) -> None:
    assert check(document)


def test_rows_in_another_order_and_histograms_that_do_not_add_up_are_refused() -> None:
    document = copy.deepcopy(COMPLETE[-1])
    document["nodes"]["pools"].reverse()
    assert [each.path for each in check(document)] == ["nodes.pools"]
    document = copy.deepcopy(COMPLETE[-1])
    row = next(each for each in document["benchmarks"]["latency"] if "distribution" in each)
    row["distribution"][0][1] -= 1
    assert [each.path.partition("[")[0] for each in check(document)] == ["benchmarks.latency"]


def test_a_document_of_another_schema_is_refused() -> None:
    for document in COMPLETE:
        assert [each.path for each in check(document | {"schema": "0" * 64})] == ["schema"]


def test_a_day_that_no_calendar_has_is_refused() -> None:
    assert [each.path for each in check(COMPLETE[-1] | {"day": "2026-02-30"})] == ["day"]


def test_every_fact_has_a_field_and_every_field_a_fact() -> None:
    attributes = {
        f"{subject}.{field.name}" for subject, record in SUBJECTS.items() for field in dataclasses.fields(record)
    }
    assert attributes == {field.name for field in TABLE}
    assert {field.name for field in dataclasses.fields(Facts)} == {*SUBJECTS, "statuses"}


def test_every_part_of_a_row_has_a_column_and_every_column_a_part() -> None:
    for field in TABLE:
        if field.name in ROWS and not field.name.startswith("benchmarks."):
            parts = {each.name for each in dataclasses.fields(ROWS[field.name])}
            assert parts == set(field.kind.columns)
    benchmarks = [set(field.kind.columns) for field in TABLE if field.subject == "benchmarks"]
    assert set.union(*benchmarks) == {each.name for each in dataclasses.fields(ROWS["benchmarks.dns"])}


def test_a_table_that_names_a_field_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Documents([*TABLE, TABLE[0]])


def test_every_field_says_what_it_is_for_and_who_finds_it_out() -> None:
    for field in TABLE:
        assert field.purpose
        assert field.collector in vocabulary.COLLECTORS


def test_nothing_is_read_but_what_a_field_of_the_level_needs() -> None:
    assert [str(each) for each in permissions(Level.MINIMAL, EVERYTHING)] == ["list nodes", "get /version"]
    assert permissions(Level.DETAILED, frozenset()) == ()
    standard = permissions(Level.STANDARD, EVERYTHING)
    assert set(permissions(Level.MINIMAL, EVERYTHING)) < set(standard) < set(permissions(Level.DETAILED, EVERYTHING))
    assert all(each.verbs in {("list",), ("get",)} and not each.own_namespace for each in standard)


@pytest.mark.parametrize("level", Level)
def test_secrets_logs_of_others_and_commands_in_pods_are_never_asked_for(level: Level) -> None:
    for each in permissions(level, EVERYTHING):
        assert each.resource not in {"secrets", "pods/exec", "nodes/proxy", "*"}
        assert each.group != "*"
        assert "*" not in each.verbs
        assert each.resource != "pods/log" or each.own_namespace
        assert each.own_namespace or not {"create", "delete", "update", "patch"} & set(each.verbs)


def test_benchmarks_need_what_a_run_of_probes_needs() -> None:
    def single(each: Permission) -> set[tuple[str, str, str, bool]]:
        return {(verb, each.group, each.resource, each.own_namespace) for verb in each.verbs}

    ours = {
        permission
        for field in TABLE
        if field.data_type is DataType.BENCHMARKS
        for each in field.reads
        for permission in single(each)
    }
    theirs = {
        (
            need.verb,
            need.kind.api.group,
            need.kind.api.plural + (f"/{need.subresource}" if need.subresource else ""),
            need.namespaced,
        )
        for need in NEEDS
    }
    assert ours == theirs


def test_the_table_is_cheap_to_import() -> None:
    code = (
        "import sys, agent.wire.fields; "
        "heavy = {'numpy', 'pydantic', 'kubernetes', 'httpx', 'sqlite3', 'asyncio', 'urllib3'}; "
        "print(sorted(heavy & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
