"""What can go wrong in the agent, by what happens next.

    AgentError
    ├── InvalidSettings   change the configuration: an unknown key, a bad value          (exit 2)
    ├── StateUnusable     mend the state directory: read-only, full, foreign, corrupt    (exit 3)
    │   └── Locked        another agent works with this state directory                  (exit 3)
    ├── Dropped           this report is dropped and audited: it could not be anonymized (go on with the next)
    └── NotAllowed        consent or a switch stands against it                          (pause)

Every message says what was wrong, where, and what to do, in one line. None holds a value that was collected. How an
attempt to send ended is not an error but a value: see `agent.delivery.answers`.
"""


class AgentError(Exception):
    """The root of this tree."""


class InvalidSettings(AgentError):
    """The configuration can't be followed; the message names path, value and what is allowed."""


class StateUnusable(AgentError):
    """The state directory or a file in it can't be used."""


class Locked(StateUnusable):
    """Another agent has the state directory."""


class Dropped(AgentError):
    """A report could not be anonymized; nothing of it may leave."""


class NotAllowed(AgentError):
    """Consent or a switch forbids it."""
