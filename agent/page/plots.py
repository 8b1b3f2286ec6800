"""A metric's values as a picture: how they are distributed where there are samples, else its rounds or runs."""

from collections.abc import Mapping

from agent.page import distribution, strip
from agent.page.canvas import Canvas
from agent.page.marks import can_be_drawn
from agent.page.subject import Sample
from agent.page.text import label
from probes.measure.comparison import Side
from probes.measure.histogram import Histogram
from probes.measure.summary import required_samples

# As many as a 90th percentile needs; a few samples are shown best one by one.
_FEWEST_FOR_SHAPE = required_samples(0.9)


def is_distribution(samples: Mapping[Side, Sample]) -> bool:
    """Tell whether there are enough samples on every side to show a shape."""
    return all(sample.histogram is not None and _has_shape(sample.histogram) for sample in samples.values())


def draw_values(samples: Mapping[Side, Sample], colors: Mapping[str, str], *, titled: bool = False) -> Canvas | None:
    """Draw the metric of `samples`, at least one; None where its numbers can't be drawn."""
    first = next(iter(samples.values()))
    title = label(first.metric.title) if titled else None
    if is_distribution(samples):
        return distribution.draw(samples, colors, title)
    drawn = (number for sample in samples.values() for number in strip.numbers(sample))
    return strip.draw(samples, colors, title) if can_be_drawn(drawn) else None


def _has_shape(histogram: Histogram) -> bool:
    """Tell whether there are samples enough, above zero, and of a size that axes can hold."""
    edges = histogram.upper_edges
    return edges.size > 0 and histogram.count >= _FEWEST_FOR_SHAPE and can_be_drawn((edges[-1], 1 / edges[0]))
