"""`probe serve`: the answering side, until it is told to stop."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from probes import echo, iperf, peer
from probes.errors import Unavailable

_PORT = click.IntRange(1, 65535)


@click.command(short_help="Answer the latency and throughput probes of another machine.")
@click.option("--host", metavar="ADDRESS", help="Listen on this address of this machine only; default: on all.")
@click.option("--port", type=_PORT, default=echo.DEFAULT_PORT, show_default=True, help="For latency.")
@click.option("--iperf-port", type=_PORT, default=iperf.DEFAULT_PORT, show_default=True, help="For throughput.")
def serve(*, host: str | None, port: int, iperf_port: int) -> None:
    """Answer until Ctrl-C or SIGTERM. Nobody is authenticated: open the ports to the measuring machine only."""
    with _throughput(host, iperf_port):
        peer.serve(host, port, on_listening=lambda real: click.echo(f"latency: listening on port {real}", err=True))
    click.echo("stopped", err=True)


@contextmanager
def _throughput(host: str | None, port: int) -> Iterator[None]:
    """Serve iperf3 beside, where libiperf is there: latency can be measured without it. A taken port is an error."""
    try:
        iperf.library_version()
    except Unavailable as error:
        click.echo(f"throughput: not served: {error}", err=True)
        yield
        return
    with iperf.serving(port, address=host):
        click.echo(f"throughput: listening on port {port}", err=True)
        yield
