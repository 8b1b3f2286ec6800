"""What the table of fields asks the API server for is what collectors read: nothing is asked for that nobody reads."""

import pytest

from agent.collect.collector import Collector
from agent.collect.gather import COLLECTORS
from agent.levels import Level
from agent.wire.fields import TABLE


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda collector: collector.name)
def test_a_collector_reads_what_the_fields_of_its_level_need_and_nothing_else(
    collector: Collector, level: Level
) -> None:
    fields = [field for field in TABLE if field.collector == collector.name and field.kind_at(level) is not None]
    asked = {permission for field in fields for permission in field.reads}
    if not level.includes(collector.level):
        assert not asked
        return
    assert {(each.group, each.resource) for each in asked if each.resource} == collector.reads(level)
    read = {path for path, does in (("/version", collector.version), ("/apis", collector.groups)) if does}
    assert {each.path for each in asked if each.path} <= read
    assert {field.data_type for field in fields} == {collector.data_type}
