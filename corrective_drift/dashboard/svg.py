"""Drawings as elements of a page: escaped, colored by the style sheet, named for who can't see them. Pure.

There is no style attribute: the pages forbid them. A class says what a mark is, `static/style.css` how it looks, which
serves light and dark alike.
"""

from collections.abc import Iterable
from math import ceil, floor, log10

from markupsafe import Markup

WIDTH = 360
"""Of every drawing, in units of which one is a CSS pixel on a phone; wider screens show several in a row."""
MARGIN = 12


def tag(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """Return an element; an attribute's name may end in `_` and has `-` for `_`, so that `class_` is `class`."""
    written = (
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value)) for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, Markup("").join(written), Markup("").join(children))


def drawing(identity: str, title: str, description: str, height: int, marks: Iterable[Markup]) -> Markup:
    """Return the drawing of marks; a screen reader tells its title and description."""
    return tag(
        "svg",
        tag("title", title, id=f"{identity}-title"),
        tag("desc", description, id=f"{identity}-desc"),
        *marks,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
        class_="plot",
    )


def text(x: float, y: float, words: str, *, anchor: str = "middle", class_: str = "label") -> Markup:
    """Return a text at a place; `anchor` is start, middle or end."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(start: tuple[float, float], end: tuple[float, float], class_: str) -> Markup:
    """Return a line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def ticks(low: float, high: float, *, most: int = 4) -> list[float]:
    """Return round numbers from `low` to `high`, two to `most` of them, which must differ."""
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(step for digit in (1, 2, 2.5, 5, 10) if (step := digit * power) >= rough)
    first, last = ceil(low / step), floor(high / step)
    return [number * step for number in range(first, last + 1)]


def _short(value: object) -> object:
    """A hundredth of a pixel is enough."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
