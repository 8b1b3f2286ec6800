"""What a process that runs somewhere else is told to do, as JSON: measure with one probe, or try to reach a server."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from probes.errors import InvalidRequest
from probes.measure.record import Record
from probes.probe import Profile

_LONGEST_SECONDS = 3600.0


class Measure(Record):
    """Run one probe."""

    do: Literal["measure"] = "measure"
    probe: str
    """Its name in the catalogue."""
    profile: Profile = Profile.QUICK
    options: dict[str, str | list[str]] = Field(default_factory=dict)
    """As on the command line."""
    await_server: str | None = None
    """HOST:PORT of a latency peer that must answer first: what lies between may not be programmed yet."""
    await_seconds: float = Field(default=30.0, ge=0, le=_LONGEST_SECONDS)
    """After so long the probe runs all the same, and says in its own words what is wrong."""


class Reach(Record):
    """Try to reach a latency peer at several addresses until each has answered, and tell when."""

    do: Literal["reach"] = "reach"
    targets: dict[str, str] = Field(min_length=1, max_length=8)
    """What to call it, in one word -> HOST:PORT."""
    seconds: float = Field(gt=0, le=_LONGEST_SECONDS)
    """When to give up."""


Errand = Annotated[Measure | Reach, Field(discriminator="do")]
_ADAPTER: TypeAdapter[Measure | Reach] = TypeAdapter(Errand)


def parse(text: str) -> Measure | Reach:
    """Read an errand. Raises InvalidRequest with one line that says what is wrong with it."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        example = Measure(probe="dns").model_dump_json(include={"do", "probe"})
        raise InvalidRequest(
            f"no errand: {place + ': ' if place else ''}{first['msg']}; write for example {example}"
        ) from error
