"""What one start that was waited for in vain teaches the later ones of a run.

To wait its full time is right for the first pod that an image, a quota or a node keeps from starting: it may pass. The
tenth pod that waits for the same tells nothing new, and ten such times are most of an hour.
"""

import threading

from jobs.diagnosis import Cause, Diagnosis

_Key = tuple[Cause, str]


class Lessons:
    """Troubles that were waited out in vain, of a whole run; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._learned: dict[_Key, str] = {}

    def learn(self, trouble: Diagnosis, node: str) -> None:
        """Note what kept a pod for `node` (empty: for any) from starting."""
        if trouble.cause is not Cause.OWN:
            with self._lock:
                self._learned.setdefault((trouble.cause, node), trouble.reason)

    def in_vain(self, trouble: Diagnosis, node: str) -> bool:
        """Tell whether this very trouble has been waited out before: elsewhere, too, unless it is the node's own."""
        with self._lock:
            return any(
                cause is trouble.cause and (cause is not Cause.NODE or where == node) for cause, where in self._learned
            )

    def without_image(self, node: str) -> str | None:
        """Return why a pod for `node` has no hope to get its image, None where that is not known.

        A pull that hangs shows nothing for half a minute each time, so that this is not left to be seen again.
        """
        with self._lock:
            return self._learned.get((Cause.IMAGE, node)) if node else None
