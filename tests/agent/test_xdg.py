from pathlib import Path

import pytest

from agent.xdg import Purpose, directory


@pytest.mark.parametrize(
    ("purpose", "variables", "expected"),
    [
        (Purpose.STATE, {"XDG_STATE_HOME": "/state", "HOME": "/home/a"}, "/state"),
        (Purpose.STATE, {"XDG_STATE_HOME": "relative", "HOME": "/home/a"}, "/home/a/.local/state"),
        (Purpose.CACHE, {"XDG_STATE_HOME": "/state", "HOME": "/home/a"}, "/home/a/.cache"),
        (Purpose.CACHE, {"XDG_CACHE_HOME": "", "HOME": "/home/a"}, "/home/a/.cache"),
    ],
)
def test_a_directory_is_the_named_one_if_it_is_absolute_else_the_default(
    purpose: Purpose, variables: dict[str, str], expected: str
) -> None:
    assert directory(purpose, variables) == Path(expected)
