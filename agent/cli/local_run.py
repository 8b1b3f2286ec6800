"""`probe run` on this machine: one probe after another."""

from collections.abc import Sequence

from agent.cli.measured import Measured
from agent.cli.progress import Progress
from probes import echo
from probes.catalogue import entry
from probes.errors import Interrupted, InvalidRequest
from probes.probe import Profile
from probes.runner import Request, Run, prepare, run_probe, signals_interrupt


def measure(requests: Sequence[Request], profile: Profile) -> Measured:
    """Run the probes one after another, so that none disturbs another. Raises InvalidRequest where one refuses."""
    run_state = Run(profile=profile)
    interruption = _measure_all(requests, run_state)
    return Measured(
        result=run_state.result(),
        asked=len(requests),
        stopped_by_signal=None if interruption is None else interruption.signal_number,
    )


def prepare_all(probes: Sequence[str], profile: Profile, options: dict[str, object]) -> list[Request]:
    """Decide all requests before the first is measured: a mistake must not surface after minutes.

    Raises InvalidRequest.
    """
    accepted = {name: entry(name).options for name in probes}
    if "server" in options and {"latency", "throughput"} <= set(probes) and echo.names_port(str(options["server"])):
        raise InvalidRequest("a port in --server is for one probe: run latency and throughput apart, or leave it out")
    surplus = sorted(set(options).difference(*accepted.values()))
    if surplus:
        raise InvalidRequest(f"--{surplus[0].removesuffix('s')} means nothing to {', '.join(probes)}: leave it out")
    return [
        prepare(name, profile, {key: value for key, value in options.items() if key in accepted[name]})
        for name in probes
    ]


def _measure_all(requests: Sequence[Request], run_state: Run) -> Interrupted | None:
    """Return the interruption where there was one."""
    try:
        with signals_interrupt(), Progress(requests) as progress:
            for request in requests:
                progress.begin(request)
                result = run_probe(request, progress.phase)
                run_state.results.append(result)
                progress.end(result)
    except Interrupted as interruption:
        return interruption
    return None
