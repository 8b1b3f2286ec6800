"""Proof 9: the schema holds nothing free, and it can't change without a line in the list of its digests."""

import copy
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent.levels import DataType, Level
from agent.wire import field_pages
from agent.wire.documents import Documents
from agent.wire.fields import TABLE, describe, schema, schema_digest
from tests.agent.privacy.open_schema import open_places

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("level", Level)
def test_the_schema_holds_no_free_string_no_free_number_and_no_further_property(level: Level) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(level))
    assert list(open_places(schema(level))) == []


def loosened(node: Any, whole: Any) -> Iterator[Any]:
    """The schema with one bound taken away, for each of them."""
    if isinstance(node, dict):
        for key in ("enum", "pattern", "maxLength", "maximum", "minimum", "maxItems", "additionalProperties"):
            if key in node:
                kept = node.pop(key)
                yield copy.deepcopy(whole)
                node[key] = kept
        for part in list(node.values()):
            yield from loosened(part, whole)
    elif isinstance(node, list):
        for part in node:
            yield from loosened(part, whole)


@pytest.mark.parametrize("level", Level)
def test_the_walk_finds_each_bound_that_is_taken_away(level: Level) -> None:
    whole = schema(level)
    mutants = list(loosened(whole, whole))
    assert len(mutants) > 40
    assert all(list(open_places(mutant)) for mutant in mutants)


def test_the_digest_is_the_latest_of_the_list() -> None:
    digests = re.findall(r"`([0-9a-f]{64})`", (DOCS / "schema-digests.md").read_text())
    assert schema_digest() == digests[0], (
        "what can be sent has changed, so that everybody must consent anew: add a line on top of the table in "
        "docs/schema-digests.md that says what changed"
    )
    assert len(set(digests)) == len(digests)


def test_the_digest_covers_schema_treatment_and_purpose() -> None:
    *others, last = TABLE
    changes = (
        {"purpose": "sell it"},
        {"unit": "furlongs"},
        {"collector": "nodes"},
        {"data_type": DataType.CLUSTER_INFO},
    )
    for change in changes:
        assert Documents([*others, dataclasses.replace(last, **change)]).digest != schema_digest()
    assert Documents(TABLE).digest == schema_digest()


def test_the_page_of_fields_is_current() -> None:
    assert (DOCS / "fields.md").read_text() == field_pages.page(), (
        "write it anew: .venv/bin/python -m agent.wire.field_pages > docs/fields.md"
    )


def test_the_data_dictionary_is_json() -> None:
    assert json.loads(json.dumps(describe())) == describe()
