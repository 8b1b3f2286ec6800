"""`corrective-drift`: arguments in, exit code out.

Exit codes: 0 good, 2 wrong usage or options, 3 the database, the state directory or the address can't be used.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn, TypeVar

import click
from sqlalchemy import Engine

from corrective_drift.carried import take_file
from corrective_drift.errors import InvalidOption, ServiceError, Unusable
from corrective_drift.limits import OWN_RATE, SHARED_RATE, Rate
from corrective_drift.log import standard_log
from corrective_drift.receipts import load_signer
from corrective_drift.recommendations.prices import Prices, read_prices
from corrective_drift.releases import release
from corrective_drift.server import Address, serve
from corrective_drift.service import Service, Settings, utc_today
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import HEAD, is_current, migrate
from corrective_drift.weeks import latest_due
from probes.measure.baselines import LEAST_CONTRIBUTORS, read_release

F = TypeVar("F", bound=Callable[..., Any])
_EXIT = {InvalidOption: 2, Unusable: 3}
_KEY_DIGEST = re.compile(r"[0-9a-f]{64}")


def _default_state() -> Path:
    data = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(data) / "corrective-drift"


def _fail(error: ServiceError) -> NoReturn:
    click.echo(f"Error: {error}", err=True)
    sys.exit(next(code for kind, code in _EXIT.items() if isinstance(error, kind)))


def database_options(command: F) -> F:
    """Add the options that say where the store is; the command gets `engine` and `state_dir`. Tells what is wrong."""

    @click.option(
        "--database",
        envvar="CORRECTIVE_DRIFT_DATABASE",
        help="sqlite:////PATH/FILE or postgresql+psycopg://USER@HOST/NAME; by default store.db in --state-dir.",
    )
    @click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=_default_state,
        help="For the signing key, and the database where none is named.",
    )
    @wraps(command)
    def with_engine(*, database: str | None, state_dir: Path, **options: Any) -> None:
        try:
            if database is None:
                _prepare(state_dir)
                database = f"sqlite:///{state_dir.absolute() / 'store.db'}"
            with ExitStack() as stack:
                engine = open_engine(database)
                stack.callback(engine.dispose)
                command(engine=engine, state_dir=state_dir, **options)
        except ServiceError as error:
            _fail(error)

    return with_engine  # type: ignore[return-value]  # click calls it by its options


def _prepare(state_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"can't make the state directory {state_dir} ({error.strerror}): see --state-dir") from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prism-telemetry-agent")
def main() -> None:
    """Receive reports of telemetry agents, release baselines, recommend, erase."""


@main.command(
    "serve",
    epilog="""\b
Examples:
  corrective-drift serve
  corrective-drift serve --host 0.0.0.0 --tls-cert tls.crt --tls-key tls.key
""",
)
@database_options
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True, help="0 for any that is free.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="The certificate with its chain, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key, PEM.")
@click.option("--behind-proxy", is_flag=True, help="Serve plain HTTP to a proxy that speaks TLS.")
@click.option("--signing-key", type=click.Path(path_type=Path), help="An Ed25519 key, PEM; made where it is missing.")
@click.option("--api-keys", type=click.Path(path_type=Path), help="A file of SHA-256 digests, one API key a line.")
@click.option("--simulation", is_flag=True, help="Take clusters of a simulated fleet, and these alone.")
@click.option("--prices", type=click.Path(path_type=Path), help="What a core, a GiB and a node cost a month, TOML.")
@click.option(
    "--retention-days", type=click.IntRange(1, 3660), default=400, show_default=True, help="For reports and receipts."
)
@click.option("--own-rate", type=float, default=OWN_RATE.per_second, show_default=True, help="Requests/s of one token.")
@click.option(
    "--shared-rate",
    type=float,
    default=SHARED_RATE.per_second,
    show_default=True,
    help="Requests/s of all that are anonymous or new.",
)
def serve_command(*, engine: Engine, state_dir: Path, signing_key: Path | None, **options: Any) -> None:
    """Serve until SIGTERM; what was taken is answered first."""
    address = Address(
        host=options["host"],
        port=options["port"],
        certificate=options["tls_cert"],
        key=options["tls_key"],
        behind_proxy=options["behind_proxy"],
    )
    settings = Settings(
        retention_days=options["retention_days"],
        own_rate=_rate(options["own_rate"], OWN_RATE),
        shared_rate=_rate(options["shared_rate"], SHARED_RATE),
        api_keys=_api_keys(options["api_keys"]),
        prices=_prices(options["prices"]),
        simulation=options["simulation"],
    )
    _bring_up(engine)
    signer = load_signer(signing_key or state_dir / "signing-key.pem")
    serve(Service(engine=engine, signer=signer, log=standard_log(), settings=settings), address)


@main.command("migrate")
@database_options
@click.option("--to", "revision", default=HEAD, show_default=True, help="A revision; `base` removes all tables.")
def migrate_command(*, engine: Engine, state_dir: Path, revision: str) -> None:  # noqa: ARG001 - no state is needed
    """Bring the database to this release, all or nothing."""
    migrate(engine, revision)


@main.command(
    "release",
    short_help="Close a week and publish its baselines, once.",
    epilog="""\b
Examples:
  corrective-drift release
  corrective-drift release --week 2026-W07
""",
)
@database_options
@click.option("--week", help="An ISO week such as 2026-W07; by default the latest of which all should have arrived.")
def release_command(*, engine: Engine, state_dir: Path, week: str | None) -> None:  # noqa: ARG001 - no state is needed
    """Close a week and publish its baselines, once: repeated, it changes nothing."""
    _bring_up(engine)
    today = utc_today()
    kept = release(engine, week or latest_due(today), today=today, chance=SystemRandom())
    click.echo(
        f"{kept.week}: released on {kept.released_day}, out of the votes of {kept.contributors} clusters or some more"
    )
    if read_release(kept.document).is_empty:
        click.echo(f"no baseline yet: no cohort has {LEAST_CONTRIBUTORS} clusters")


@main.command("import")
@database_options
@click.argument("file", type=click.Path(path_type=Path))
def import_command(*, engine: Engine, state_dir: Path, file: Path) -> None:  # noqa: ARG001 - no state is needed
    """Take what `telemetry-agent export FILE` has written. What came before counts once."""
    _bring_up(engine)
    imported = take_file(engine, file, utc_today())
    click.echo(f"{imported.batches} batches taken, {imported.documents} documents in them")
    for word, count in sorted(imported.refused.items()):
        click.echo(f"{count} batches refused: {word}", err=True)
    if imported.refused:
        sys.exit(1)


def _bring_up(engine: Engine) -> None:
    """Bring the embedded store up by itself; a shared one is changed by a person's command only."""
    if engine.dialect.name == "sqlite":
        migrate(engine)
    elif not is_current(engine):
        raise Unusable("the database has no tables of this release yet: run corrective-drift migrate")


def _rate(per_second: float, usual: Rate) -> Rate:
    if not per_second > 0:
        raise InvalidOption("a rate must be above 0")
    return Rate(per_second=per_second, burst=max(usual.burst, int(per_second * 10)))


def _prices(path: Path | None) -> Prices:
    if path is None:
        return Prices()
    try:
        return read_prices(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidOption(f"can't read {path}: see --prices") from error


def _api_keys(path: Path | None) -> frozenset[bytes]:
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidOption(f"can't read {path}: see --api-keys") from error
    if not lines or not all(map(_KEY_DIGEST.fullmatch, lines)):
        raise InvalidOption(f"{path} must hold SHA-256 digests, 64 hexadecimal digits a line: see --api-keys")
    return frozenset(map(bytes.fromhex, lines))
