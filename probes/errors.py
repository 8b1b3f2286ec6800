"""What can go wrong in a probe, by what the caller does next.

    ProbeError
    ├── InvalidRequest      change the request: a path that must not be written, a nonsense size     (exit 2)
    ├── Unavailable         mend the environment: a missing tool, a full disk, an unreachable server (exit 3)
    │   └── ToolFailed      the tool was there and did not do its work: killed, hung, printed rubbish
    └── Interrupted         the user or the system asked to stop                                      (exit 130, 143)

Every message says what was wrong, where, and what to do, in one line.
"""


class ProbeError(Exception):
    """The root of this tree."""


class InvalidRequest(ProbeError):
    """The request itself can't be carried out; asking again won't help."""


class Unavailable(ProbeError):
    """The environment lacks something that the probe needs."""


class ToolFailed(Unavailable):
    """A tool that measures was started and brought no usable result."""


class Interrupted(ProbeError):
    """A signal asked to stop; `signal_number` says which."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"interrupted by signal {signal_number}")
        self.signal_number = signal_number
