"""Files that a command line writes: refused early, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from probes.errors import InvalidRequest, Unavailable


def check_writable(path: Path) -> None:
    """Raise InvalidRequest where `write_whole` could not write `path`; creates its directory."""
    if path.exists() and not path.is_file():
        raise InvalidRequest(f"{path} is not a regular file: name a file to write the result to")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"can't create the directory of {path}: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InvalidRequest(f"can't write in {path.parent}: name a directory that is yours")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to a temporary name and move it into place, so that no reader ever sees a part of it.

    Raises Unavailable where that fails.
    """
    try:
        _replace(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise Unavailable(f"can't write {path} ({error.strerror}): free space or name another file") from error


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp's 0600 is for secrets; a result takes the permissions that any new file of the user's would.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
