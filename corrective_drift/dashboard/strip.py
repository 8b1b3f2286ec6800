"""Where a value stands in its cohort, drawn: the cohort from its lowest to its highest cluster, a mark, an interval.

Pure.
"""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from corrective_drift.dashboard.svg import MARGIN, WIDTH, drawing, line, tag, text
from probes.measure.position import Position

_HEIGHT = 74
_TOP, _THICK = 22.0, 12.0
# Of the cohort: each is drawn darker than the one around it.
_ZONES = ((0.0, 1.0), (0.1, 0.9), (0.25, 0.75))
_LABELED = ("p10", "p50", "p90")


def strip(identity: str, title: str, description: str, stands: Position, values: Sequence[tuple[str, str]]) -> Markup:
    """Return the drawing; `values` are the published percentiles, such as (`p50`, `1.2 ms`)."""
    return drawing(identity, title, description, _HEIGHT, _marks(stands, dict(values)))


def _marks(stands: Position, values: dict[str, str]) -> Iterator[Markup]:
    for number, (low, high) in enumerate(_ZONES):
        yield _bar(low, high, f"zone zone-{number}", _TOP, _THICK)
    for name in _LABELED:
        if name in values:
            x = _x(int(name[1:]) / 100)
            yield line((x, _TOP - 3), (x, _TOP + _THICK + 5), "tick")
            yield text(x, _TOP + _THICK + 19, values[name])
            yield text(x, _TOP + _THICK + 33, "median" if name == "p50" else f"{name[1:]} %")
    yield _bar(stands.low, stands.high, "interval", _TOP - 5, _THICK + 10)
    if stands.share is not None:
        yield tag("circle", cx=_x(stands.share), cy=_TOP + _THICK / 2, r=6.5, class_="here")


def _bar(low: float, high: float, class_: str, top: float, thick: float) -> Markup:
    # What is too thin to be seen would look like nothing.
    width = max(3.0, _x(high) - _x(low))
    return tag("rect", x=_x(low), y=top, width=width, height=thick, rx=thick / 2, class_=class_)


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)
