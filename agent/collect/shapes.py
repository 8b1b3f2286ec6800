"""What objects of several kinds have in common, as far as it is read."""

import msgspec

from agent.kube.wire import Wire


class Amounts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Quantities of CPU and memory, as text."""

    cpu: str = ""
    memory: str = ""


NOTHING = Amounts()


class Name(Wire):
    """`metadata`, of which only the name is read."""

    name: str = ""
    namespace: str = ""


class Phase(Wire):
    """A `status` of which only the phase is read."""

    phase: str = ""
