"""What a launcher that is killed has created goes. `make test-long` does this 40 times."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.end_to_end.kills import End, Kill, by_cleanup, by_expiry, kill
from tests.standin.standin import StandIn, pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
# With a claim and its pod, and with a Service, its client and backend.
_STORAGE = ("run", "storage", "--storage-class", "standard", "--max-nodes", "1", "--no-history")
_STARTUP = ("run", "startup", "--startup-pods", "4", "--max-nodes", "1", "--no-history")
_ENDS = {"cleanup": by_cleanup, "expiry": by_expiry}
_MOMENTS = {"at once": (_STARTUP, 0.0), "with a claim": (_STORAGE, 1.5), "with a Service": (_STARTUP, 2.5)}


@pytest.fixture(scope="module")
def kills() -> Iterator[dict[tuple[str, str], "Future[Kill]"]]:
    """All of them side by side, each in a cluster of its own: most of the time they wait."""

    def one(command: Sequence[str], moment_seconds: float, end: End) -> Kill:
        with StandIn() as cluster:
            return kill(cluster, moment_seconds, end, command)

    with ThreadPoolExecutor(3) as pool:
        yield {(moment, end): pool.submit(one, *_MOMENTS[moment], _ENDS[end]) for moment in _MOMENTS for end in _ENDS}


@pytest.mark.parametrize("end", _ENDS)
@pytest.mark.parametrize("moment", _MOMENTS)
def test_nothing_is_left_of_a_launcher_that_was_killed(
    kills: dict[tuple[str, str], "Future[Kill]"], moment: str, end: str
) -> None:
    killed = kills[moment, end].result()
    assert killed.in_time
    assert killed.orphans > 0
    assert (killed.left, killed.processes) == (frozenset(), ())
