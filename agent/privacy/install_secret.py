"""Where the install secret is kept: a file for the agent alone. Replacing it gives a cluster new identifiers."""

import secrets
from pathlib import Path

from agent.errors import StateUnusable
from agent.privacy.keys import SECRET_BYTES, Keys
from agent.state import read_private, write_private


def throwaway_keys() -> Keys:
    """Return keys that nothing remembers, for previews and dry runs."""
    return Keys(secrets.token_bytes(SECRET_BYTES))


def read_keys(path: Path) -> Keys | None:
    """Return the keys of the secret that is kept, None where there is none. Raises StateUnusable for a broken one."""
    secret = read_private(path)
    if secret is None:
        return None
    try:
        return Keys(secret)
    except ValueError as error:
        raise StateUnusable(f"{path}: {error}") from error


def prepare_keys(path: Path) -> Keys:
    """Return the keys of the secret that is kept, or of a new one. Raises StateUnusable."""
    return read_keys(path) or replace_keys(path)


def replace_keys(path: Path) -> Keys:
    """Keep a new secret in the place of any other: what was sent before can't be related to what follows.

    Raises StateUnusable.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    write_private(path, secret)
    return Keys(secret)
