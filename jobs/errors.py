"""What can go wrong with Jobs in a cluster, by what the caller does next.

    JobsError
    ├── TryAgain         the same call may work later: throttled, overloaded, connection lost    (retry)
    ├── AlreadyThere     an object of this name exists: look whose it is                         (look)
    ├── Missing          there is no object of this name: for a deletion that is success         (look)
    ├── InvalidRequest   change the request: a manifest that is refused, an unknown name         (exit 2)
    ├── Unavailable      the cluster lacks something: a permission, an API, quota, an image      (exit 3)
    │   └── Refused      the guard found that this cluster must not be probed now                (exit 3)
    └── Stopped          the user or the system asked to stop; what was created is removed first (exit 130, 143)

Every message says what was wrong, where, and what to do, in one line.
"""


class JobsError(Exception):
    """The root of this tree."""


class TryAgain(JobsError):
    """The call failed by circumstances that pass; `retry_after_seconds` is the server's wish, where it has one."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class AlreadyThere(JobsError):
    """An object of this kind and name exists, possibly from an earlier attempt of our own whose answer was lost."""


class Missing(JobsError):
    """There is no object of this kind and name."""


class InvalidRequest(JobsError):
    """The request itself can't be carried out; asking again won't help."""


class Unavailable(JobsError):
    """The cluster lacks or forbids something that is needed."""


class Refused(Unavailable):
    """The cluster must not be probed now; the message says the facts, and the names that override them."""


class Stopped(JobsError):
    """A signal asked to stop; `signal_number` says which."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number
