"""The outbox as a file, for networks that end at an air gap: the same bytes that would have gone over the wire.

JSON lines. The first is `{"format":"prism-telemetry-export","version":1}`; then one for each batch, with its headers
and its body in base64; the last counts the batches and holds the SHA-256 of all bytes before it, so that a file that
was cut off or changed on its way is known as such. The bearer token is not in it, nor is anything minimal in the order
in which it was made.
"""

import base64
import binascii
import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.delivery.batch import Batch, headers
from agent.errors import StateUnusable
from agent.state import write_private

FORMAT = {"format": "prism-telemetry-export", "version": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One batch out of a file."""

    headers: dict[str, str]
    """As of a request: Idempotency-Key, Content-Encoding, Prism-Schema and so on."""
    body: bytes
    """As of a request: compressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a file holds."""

    batches: int
    documents: int
    sha256: str
    """Of the whole file."""


def write(path: Path, batches: Sequence[Batch], rng: random.Random) -> Written:
    """Write the file whole or not at all, for its owner alone. Raises StateUnusable."""
    # In the order of the outbox, neighbors would tell which anonymous fragments were made at once.
    shuffled = rng.sample(batches, len(batches))
    lines = [FORMAT, *({"headers": headers(each), "body": base64.b64encode(each.body).decode()} for each in shuffled)]
    content = b"".join(_line(line) for line in lines)
    content += _line({"batches": len(batches), "sha256": hashlib.sha256(content).hexdigest()})
    write_private(path, content)
    return Written(
        batches=len(batches),
        documents=sum(each.documents for each in batches),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def read(path: Path) -> Iterator[Carried]:
    """Yield the batches of a file, after all of it was checked. Raises StateUnusable for anything else."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
        if len(lines) < 2 or json.loads(lines[0]) != FORMAT:
            raise StateUnusable(f"{path} is no export of an outbox in version {FORMAT['version']}")
        before = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
        if json.loads(lines[-1]) != {"batches": len(lines) - 2, "sha256": before}:
            raise StateUnusable(f"{path} was cut off or changed on its way: export again")
        batches = [json.loads(line) for line in lines[1:-1]]
        yield from (Carried(headers=each["headers"], body=base64.b64decode(each["body"])) for each in batches)
    except OSError as error:
        raise StateUnusable(f"can't read {path} ({error.strerror}): name the exported file") from error
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise StateUnusable(f"{path} is no export of an outbox, or was cut off on its way: export again") from error


def _line(values: object) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"
