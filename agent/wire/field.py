"""What a field is, and what reading it takes. Pure."""

from dataclasses import dataclass

from agent.levels import DataType, Level
from agent.wire.types import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What the API server must allow: verbs on a resource, or on a path of the server itself."""

    verbs: tuple[str, ...] = ("list",)
    group: str = ""
    resource: str = ""
    path: str = ""
    """Such as `/version`, instead of a resource."""
    own_namespace: bool = False
    """Whether the namespace that probes run in is enough."""

    def __str__(self) -> str:
        what = self.path or f"{self.resource}{'.' if self.group else ''}{self.group}"
        return f"{'/'.join(self.verbs)} {what}{' in its own namespace' if self.own_namespace else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the wire."""

    name: str
    """`subject.attribute`: where it stands in a document and in `agent.wire.facts.Facts`."""
    kind: Kind
    """Its type from the standard level on."""
    minimal: Kind | None = None
    """Its coarser type at the minimal level, for the fields of that level."""
    unit: str = ""
    """Of the raw number; empty for what has none."""
    level: Level
    """The first level that has it."""
    data_type: DataType
    purpose: str
    """What the service does with it, in a few words."""
    collector: str
    """Who finds it out."""
    reads: tuple[Permission, ...] = ()

    @property
    def subject(self) -> str:
        """The record that holds it."""
        return self.name.partition(".")[0]

    @property
    def attribute(self) -> str:
        """Its name in that record."""
        return self.name.partition(".")[2]

    def kind_at(self, level: Level) -> Kind | None:
        """Return its type at a level, None where the level has no such field."""
        if level is Level.MINIMAL:
            return self.minimal if self.level is Level.MINIMAL else None
        return self.kind if level.includes(self.level) else None
