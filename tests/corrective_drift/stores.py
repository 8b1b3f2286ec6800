"""Empty databases of both kinds for scripts that are run by hand: see `conftest` for the tests' own."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.corrective_drift import postgresql


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """Let whoever runs a script choose the stores; both unless they do."""
    parser.add_argument("--store", choices=["sqlite", "postgresql", "both"], default="both")


@contextmanager
def databases(store: str, directory: Path, *, durable: bool = False) -> Iterator[dict[str, str]]:
    """Yield the URL of an empty database of each chosen store, by its name; `durable` flushes commits to the disk.

    Raises SystemExit where a PostgreSQL is asked for and there is none.
    """
    urls = {} if store == "postgresql" else {"sqlite": f"sqlite:///{directory / 'store.db'}"}
    if store == "sqlite":
        yield urls
        return
    programs = postgresql.programs()
    if programs is None:
        sys.exit("there is no PostgreSQL server: scripts/debian-packages.sh postgresql")
    with postgresql.server(programs, durable=durable) as url:
        yield urls | {"postgresql": url.format("postgres")}
