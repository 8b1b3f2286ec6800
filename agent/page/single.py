"""One metric's plot as a file of its own."""

import difflib
from collections.abc import Callable, Mapping, Sequence

from agent.page import trend
from agent.page.canvas import Canvas, style
from agent.page.plots import draw_values
from agent.page.series import FEWEST_RUNS, series_of
from agent.page.subject import Subject, metrics_of, samples_of, subject_of
from agent.page.theme import LIGHT
from probes.measure.result import RunResult

FORMATS: Mapping[str, Callable[[Canvas], bytes]] = {"png": Canvas.to_png, "svg": Canvas.to_svg}


def plot(runs: Sequence[RunResult], baseline: Sequence[RunResult], metric: str, *, form: str, over_runs: bool) -> bytes:
    """Return the plot of `metric` (`PROBE/METRIC`) in a format of FORMATS: its values, or its course over all runs.

    Raises ValueError for a metric that isn't there or can't be drawn, and as `subject_of` does.
    """
    subject = subject_of(runs, baseline)
    probe, _, name = metric.partition("/")
    known = [f"{result.probe}/{each.name}" for result, each in metrics_of(subject.newest)]
    if metric not in known:
        near = difflib.get_close_matches(metric, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}"
        raise ValueError(f"the newest run has no metric {metric!r}: {hint}")
    with style():
        canvas = _course(subject, probe, name) if over_runs else draw_values(
            samples_of(subject, probe, name), LIGHT, titled=True
        )  # fmt: skip
        if canvas is None:
            raise ValueError(f"the numbers of {metric} are too large to be drawn")
        return FORMATS[form](canvas)


def _course(subject: Subject, probe: str, name: str) -> Canvas | None:
    found = [each for each in series_of(subject.runs) if (each.probe, each.newest.name) == (probe, name)]
    if not found:
        raise ValueError(f"fewer than {FEWEST_RUNS} runs measured {probe}/{name} alike: give more")
    return trend.draw(found[0], LIGHT, titled=True)
