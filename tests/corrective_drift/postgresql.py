"""A PostgreSQL server of the tests' own: on a Unix socket in a directory of its own, ended with whoever started it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from probes.process import die_with_parent

# Debian keeps the server's programs out of PATH.
_DEBIAN = Path("/usr/lib/postgresql")
_OWNER = "prism"


def programs() -> Path | None:
    """Where initdb and postgres are, None where there is no server."""
    candidates = [*sorted(_DEBIAN.glob("*/bin"), reverse=True), *map(Path, os.get_exec_path())]
    return next((each for each in candidates if (each / "initdb").exists()), None)


@contextmanager
def server(programs: Path, *, durable: bool = False) -> Iterator[str]:
    """Yield the URL of a new server, without the database's name; `durable` flushes commits to the disk."""
    user = _unprivileged()
    # Short, since a socket's path has 107 characters at most.
    directory = Path(tempfile.mkdtemp(prefix="prism-postgresql-", dir="/tmp"))
    try:
        if user:
            os.chown(directory, user["user"], user["group"])
        data = directory / "data"
        initdb = [programs / "initdb", "-D", data, "-U", _OWNER, "--auth=trust", "--no-sync", "--encoding=UTF8"]
        subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, cwd=directory, **user)
        options = {"listen_addresses": "", "unix_socket_directories": str(directory), "max_connections": "50"}
        if not durable:
            options |= {"fsync": "off", "full_page_writes": "off"}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *flags],
                stdout=log,
                stderr=log,
                cwd=directory,
                preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - two system calls, no lock
                **user,
            )
        try:
            url = f"postgresql+psycopg://{_OWNER}@/{{}}?host={directory}"
            _wait_until_it_answers(url.format("postgres"), process, directory / "log")
            yield url
        finally:
            # "Fast": it does not wait until everybody has hung up.
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
    finally:
        shutil.rmtree(directory)


def execute(url: str, statement: str) -> None:
    """Carry out what no transaction may hold, such as CREATE DATABASE."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _unprivileged() -> dict[str, Any]:
    """What makes a child somebody else where we are root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return {}
    names = {each.pw_name: each for each in pwd.getpwall()}
    found = names.get("postgres") or names["nobody"]
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            execute(url, "SELECT 1")
        except OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.05)
        else:
            return
