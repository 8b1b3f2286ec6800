"""What nobody of us would say, and would be said anyway: Python's own words about faults, and other packages' logs.

Messages of exceptions, warnings and log lines name hosts and hold what was collected, and so does a core dump. What is
left of a fault is its type and where in the code it happened.
"""

import resource
import sys
import threading
import warnings
from types import TracebackType
from typing import Any


def silence() -> None:
    """Let Python tell faults by their places alone, warn of nothing, and dump no core. To be called first of all."""
    # By a child that starts an exec plugin too: the limit is inherited.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def silence_packages() -> None:
    """Let no package's log line out. The resident process has none that logs, and saves the megabyte."""
    import logging  # noqa: PLC0415  see above

    logging.getLogger().addHandler(logging.NullHandler())
    # Some packages make warnings of log lines, others log lines of warnings: neither has a way out.
    logging.lastResort = None


def places(error: BaseException) -> str:
    """Return an error's type and where it happened; its message could hold what was collected."""
    return _places(type(error), error.__traceback__)


def _places(kind: type[BaseException], traceback: TracebackType | None) -> str:
    at = []
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename.rpartition("/")[2]
        at.append(f"{file}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return f"{kind.__name__} at {', '.join(reversed(at))}"


def _uncaught(kind: type[BaseException], _error: BaseException, traceback: TracebackType | None) -> None:
    _tell(kind, traceback)


def _uncaught_in_thread(told: Any) -> None:
    # A thread that ends by SystemExit has ended, and nothing else.
    if told.exc_type is not SystemExit:
        _tell(told.exc_type, told.exc_traceback)


def _unraisable(told: Any) -> None:
    _tell(told.exc_type, told.exc_traceback)


def _tell(kind: type[BaseException], traceback: TracebackType | None) -> None:
    sys.stderr.write(f"telemetry-agent: a fault of its own: {_places(kind, traceback)}\n")
