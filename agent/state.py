"""The directory in which the agent keeps what must outlive it: private, and written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent import xdg
from agent.errors import StateUnusable

SYSTEM_DIRECTORY = Path("/var/lib/telemetry-agent")
_PRIVATE_DIRECTORY, _PRIVATE_FILE = 0o700, 0o600


@dataclass(frozen=True, slots=True)
class State:
    """The state directory's files."""

    directory: Path

    @property
    def secret(self) -> Path:
        """The install secret, from which every identifier comes."""
        return self.directory / "install-secret"

    @property
    def consent(self) -> Path:
        """What was consented to, and when."""
        return self.directory / "consent.json"

    @property
    def outbox(self) -> Path:
        """Reports on their way, and receipts."""
        return self.directory / "outbox.db"

    @property
    def history(self) -> Path:
        """What was measured, for the detection of drift."""
        return self.directory / "history.db"

    @property
    def audit(self) -> Path:
        """The audit trail."""
        return self.directory / "audit.jsonl"

    @property
    def baselines(self) -> Path:
        """The community's baselines, as last fetched."""
        return self.directory / "baselines.json"

    @property
    def schedule(self) -> Path:
        """When what was last done."""
        return self.directory / "schedule.json"

    @property
    def lock(self) -> Path:
        """Held by the agent that works here."""
        return self.directory / "lock"

    def prepare(self) -> None:
        """Create the directory, for its owner alone, as is whatever this process creates from now on.

        Raises StateUnusable.
        """
        # SQLite would make its files readable for all; on a volume of somebody else's the directory doesn't hide them.
        os.umask(0o077)
        with _told(self.directory):
            self.directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            # A mounted volume belongs to root and its group: then the mode is the cluster's matter, and no error.
            if self.directory.stat().st_uid == os.geteuid():
                self.directory.chmod(_PRIVATE_DIRECTORY)
            with tempfile.TemporaryFile(dir=self.directory):
                pass


def choose_directory(chosen: Path | None, variables: Mapping[str, str]) -> Path:
    """Return the state directory: the configured one, else the system's where it may be written, else the user's."""
    if chosen is not None:
        return chosen
    if os.access(SYSTEM_DIRECTORY, os.W_OK | os.X_OK):
        return SYSTEM_DIRECTORY
    of_user = xdg.directory(xdg.Purpose.STATE, variables)
    return SYSTEM_DIRECTORY if of_user is None else of_user / "prism-telemetry-agent"


def read_private(path: Path) -> bytes | None:
    """Return a file's content, None where there is no such file. Raises StateUnusable."""
    with _told(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def write_private(path: Path, content: bytes) -> None:
    """Write a file for the owner alone, whole, and durable when this returns. Raises StateUnusable."""
    with _told(path):
        # mkstemp makes it 0600 from the start: at no instant can another user open it.
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make a renaming durable: without it a power cut may bring the old name back."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateUnusable(
            f"can't use {path}: {error.strerror}: mend it, or set telemetry.state_dir to a directory of the agent's own"
        ) from error
