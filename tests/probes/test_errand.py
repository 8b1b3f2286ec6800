import pytest

from probes import errand
from probes.errand import Measure, Reach
from probes.errors import InvalidRequest
from probes.probe import Profile


@pytest.mark.parametrize(
    "given",
    [
        Measure(probe="dns", profile=Profile.STANDARD, options={"names": ["a.example", "b.example"]}),
        Measure(probe="latency", options={"server": "10.0.0.1:5209"}, await_server="10.0.0.1:5209"),
        Reach(targets={"name": "service:5209", "address": "[fd00::1]:5209"}, seconds=60),
    ],
)
def test_an_errand_comes_back_from_its_json(given: Measure | Reach) -> None:
    assert errand.parse(given.model_dump_json()) == given


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns",
        "{}",
        '{"do": "dance"}',
        '{"do": "measure"}',
        '{"do": "measure", "probe": "dns", "profile": "hasty"}',
        '{"do": "measure", "probe": "dns", "speed": "fast"}',
        '{"do": "reach", "targets": {}, "seconds": 1}',
        '{"do": "reach", "targets": {"a": "b:1"}, "seconds": 1e9}',
    ],
)
def test_what_is_no_errand_is_refused_in_one_line_with_an_example(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        errand.parse(text)
    assert "\n" not in str(caught.value)
    assert '"do":"measure"' in str(caught.value)
