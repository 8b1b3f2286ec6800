"""`python -m probes ERRAND`: run one errand, such as a probe pod is started for, and tell the result in frames.

The errand is JSON (see `probes.errand`), the first argument or else the variable PROBE_ERRAND. A measurement's result
goes to standard output in frames, and in its short form to the container's termination message. The exit code is 0
once a result was told, even if it says `unavailable`: to have been told is what a Job succeeds in. A signal gives 128
and its number, an errand that can't be understood 2.
"""

import signal
import sys
from types import FrameType


def main() -> int:
    """Run the errand; return the exit code."""
    # Before the imports, which take a moment: as the first process of its container this one has no default action, so
    # that the kernel would drop a signal, and the pod would use up all of its grace.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    from probes.perform import run_errand  # noqa: PLC0415  see above

    return run_errand()


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
