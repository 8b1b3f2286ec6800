"""A result's file as an option of a command."""

from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.telemetry.opened import Opened
from agent.errors import InvalidSettings
from agent.levels import DataType, Level
from probes.errors import InvalidRequest

if TYPE_CHECKING:
    from probes.measure.result import RunResult


def measured(path: Path, opened: Opened) -> "RunResult":
    """Read a result. Raises InvalidRequest for a file that is none, InvalidSettings where it would not be sent."""
    if opened.asked.level is not Level.DETAILED or DataType.BENCHMARKS not in opened.asked.data_types:
        raise InvalidSettings(
            "what probes measured leaves at the level detailed alone, with collect_benchmarks: "
            "choose the level detailed, or leave --results out"
        )
    from probes.measure.result import read_results  # noqa: PLC0415  numpy is for who has results

    try:
        return read_results(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRequest(f"can't read {path}: {error.strerror}: write it by `probe run --output FILE`") from error
    except ValueError as error:
        raise InvalidRequest(f"{path} is {error}") from error
