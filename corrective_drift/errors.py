"""What can go wrong in the service, by what happens next.

    ServiceError
    ├── InvalidOption     change how it was started: a bad value, a certificate that is none      (exit 2)
    └── Unusable          mend what it stands on: the database, the state directory, the address  (exit 3)

What is wrong with a request is no error of the service: see `corrective_drift.problems`. Every message says what was
wrong, where, and what to do, in one line, and holds nothing that a client sent.
"""


class ServiceError(Exception):
    """The root of this tree."""


class InvalidOption(ServiceError):
    """An option can't be followed; the message names it and what is allowed."""


class Unusable(ServiceError):
    """The database, the state directory or the address can't be used."""
