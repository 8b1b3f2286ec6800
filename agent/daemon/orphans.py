"""Processes that others have left to us: whoever is a container's first process inherits them, and has to bury them."""

import os
from collections.abc import Container
from contextlib import suppress


def reap_orphans(own: Container[int]) -> None:
    """Collect the ends of all children but those in `own`, whose exit statuses somebody else waits for.

    One is looked at before it is taken: `waitpid` for any child would take those of `own`, too. The kernel shows the
    oldest; where that is one of `own`, the rest comes the next time, after it was waited for.
    """
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in own:
                return
            os.waitpid(ended.si_pid, 0)
