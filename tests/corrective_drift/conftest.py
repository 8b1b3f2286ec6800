"""Stores of both kinds: what is parametrized by `database` runs on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine

from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import migrate
from tests.corrective_drift import postgresql
from tests.corrective_drift.running import Files, Running, certificates, running, running_on_sqlite

_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server's URL, without the database's name."""
    programs = postgresql.programs()
    if programs is None:
        pytest.skip("needs a PostgreSQL server: scripts/debian-packages.sh postgresql")
    with postgresql.server(programs) as url:
        execute = postgresql.execute
        execute(url.format("postgres"), "CREATE DATABASE migrated")
        engine = open_engine(url.format("migrated"))
        migrate(engine)
        engine.dispose()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        yield from _created(request.getfixturevalue("server"), "template1")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with empty tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
        engine = open_engine(url)
        migrate(engine)
        engine.dispose()
        yield url
    else:
        yield from _created(request.getfixturevalue("server"), "migrated")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An engine over `database`."""
    opened = open_engine(database)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A certificate for localhost, and the authority that it comes from."""
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def service(engine: Engine, files: Files, tmp_path: Path) -> Iterator[Running]:
    """A running service over `engine`."""
    with running(engine, files, tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def refusing(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running service for what is refused before any store is asked."""
    with running_on_sqlite(files, tmp_path_factory.mktemp("refusing")) as one:
        yield one


@pytest.fixture
def open_store() -> Iterator[Callable[[str], Engine]]:
    """Open engines that are closed afterwards."""
    opened: list[Engine] = []

    def open_one(url: str) -> Engine:
        opened.append(open_engine(url))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.dispose()


def _created(server: str, template: str) -> Iterator[str]:
    name = f"test{next(_numbers)}"
    postgresql.execute(server.format("postgres"), f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.format(name)
    postgresql.execute(server.format("postgres"), f"DROP DATABASE {name} WITH (FORCE)")
