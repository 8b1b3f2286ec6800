"""A drawing surface: matplotlib with our roles for colors, to be put into a page or into a file of its own."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from agent.page.inline import for_page
from agent.page.theme import placeholders

WIDTH = 360
"""Of every plot, in CSS pixels: that of a phone, so that text is legible there; wider screens show several in a row."""
_MARGIN = 10
_TITLE_HEIGHT = 26
# The SVG backend draws at 72 dots an inch: one unit of the drawing is then one CSS pixel. For eyes, PNG doubles it.
_UNITS_PER_INCH = 72
_PNG_DPI = 2 * _UNITS_PER_INCH
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


@contextmanager
def style() -> Iterator[None]:
    """Draw as we do and alike everywhere, whatever this user's matplotlibrc says; every drawing happens within this."""
    with mpl.rc_context(), warnings.catch_warnings():
        # matplotlib warns of letters its font lacks; in SVG the reader's font has them, and a result may hold any.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update({
            "font.family": ["DejaVu Sans", "sans-serif"],  # the first comes with matplotlib: measured alike everywhere
            "path.simplify": False,
            "svg.fonttype": "none",
            "svg.hashsalt": "probe",
            "text.parse_math": False,
        })  # fmt: skip
        yield


class Canvas:
    """A figure of WIDTH and the height that its panels take."""

    def __init__(self, colors: Mapping[str, str], *, height: int, title: str | None = None) -> None:
        self.colors = colors
        self._height = height + (_TITLE_HEIGHT if title else 0)
        self._figure = Figure(figsize=(WIDTH / _UNITS_PER_INCH, self._height / _UNITS_PER_INCH), dpi=_UNITS_PER_INCH)
        if title:
            place = 1 - _TITLE_HEIGHT * 0.7 / self._height
            self._figure.text(_MARGIN / WIDTH, place, title, color=colors["ink"], size=12)

    def panel(self, *, bottom: float, height: float) -> Axes:
        """Add axes over the whole width, `bottom` pixels above the lower edge; bare, as marks are drawn on purpose."""
        axes = self._figure.add_axes(
            (_MARGIN / WIDTH, bottom / self._height, 1 - 2 * _MARGIN / WIDTH, height / self._height)
        )
        axes.set_axis_off()
        return axes

    def to_inline_svg(self, identity: str, title: str, description: str) -> str:
        """Return an `svg` element for a page: without size and color of its own, its ids beginning with `identity`.

        The canvas must be drawn with `placeholders()`.
        """
        return for_page(self._draw_svg(), identity, title, description)

    def to_svg(self) -> bytes:
        """Return an SVG file."""
        return self._draw_svg().encode()

    def to_png(self) -> bytes:
        """Return a PNG file of twice as many pixels a side as the SVG has units."""
        image = io.BytesIO()
        FigureCanvasAgg(self._figure).print_figure(
            image, format="png", dpi=_PNG_DPI, facecolor=self.colors["card"], metadata={"Software": None}
        )
        return image.getvalue()

    def _draw_svg(self) -> str:
        text = io.StringIO()
        ground = "none" if self.colors is placeholders() else self.colors["card"]
        FigureCanvasSVG(self._figure).print_figure(text, format="svg", facecolor=ground, metadata=_NO_METADATA)
        return text.getvalue()
