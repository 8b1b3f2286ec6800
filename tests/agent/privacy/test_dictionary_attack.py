"""Proof 2: who has every name of a cluster, and all that was sent, still can't tell which digest is whose."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from datetime import date

from agent.levels import DataType, Level
from agent.privacy.anonymize import anonymize
from agent.privacy.keys import Keys, hkdf
from agent.wire.facts import Cell, Facts, NodePool, NodesFacts, PlatformFacts, StorageClass, WorkloadsFacts

SECRET = bytes(range(32))
DAY = date(2026, 11, 23)
KUBE_SYSTEM_UID = b"6fd3c1e2-ca4a-4217-9b1d-ca9a12ca9a12"
OBJECTS = {
    "node_pool": ["default-pool", "gpu", "spot-large", "system"],
    "storage_class": ["fast", "gp3", "standard"],
    "cell": ["billing", "checkout", "payments-prod"],
}
NAMES = [name for names in OBJECTS.values() for name in names]


def payload() -> str:
    facts = Facts(
        nodes=NodesFacts(
            pools=tuple(NodePool(name=name, count=3, cpu_cores=4, memory_gib=8) for name in OBJECTS["node_pool"])
        ),
        workloads=WorkloadsFacts(storage_classes=tuple(StorageClass(name=name) for name in OBJECTS["storage_class"])),
        platform=PlatformFacts(cell_rows=tuple(Cell(name=name) for name in OBJECTS["cell"])),
    )
    (outgoing,) = anonymize(
        facts, level=Level.DETAILED, data_types=frozenset(DataType), keys=Keys(SECRET), day=DAY, chance=lambda: 0.5
    )
    return outgoing.body.decode()


def digests(text: str) -> set[str]:
    return set(re.findall(r'"name":"([a-z2-7]{20})"', text))


def texts(digest: bytes) -> Iterator[str]:
    """The forms in which a digest may have been written."""
    yield base64.b32encode(digest).decode().lower()
    yield base64.b32hexencode(digest).decode().lower()
    yield base64.urlsafe_b64encode(digest).decode().lower()
    yield digest.hex()


def guesses(messages: list[bytes], keys: list[bytes]) -> Iterator[str]:
    """What an attacker tries: plain hashes, and HMACs under keys that can be guessed."""
    algorithms: tuple[Callable[[bytes], bytes], ...] = tuple(
        lambda message, name=name: hashlib.new(name, message, usedforsecurity=False).digest()  # type: ignore[misc]
        for name in ("md5", "sha1", "sha256", "sha512")
    )
    for message in messages:
        for algorithm in algorithms:
            yield from texts(algorithm(message))
        for key in keys:
            yield from texts(hmac.digest(key, message, "sha256"))


def recovered(found: set[str], tried: Iterator[str]) -> set[str]:
    prefixes = {text[:20] for text in tried}
    return found & prefixes


def test_a_dictionary_with_every_name_recovers_none_without_the_key() -> None:
    text = payload()
    document = json.loads(text)
    known = [document["cluster_id"], document["schema"], document["day"], "2026-11", "", "cluster", "object 2026-11"]
    keys = [
        *(each.encode() for each in known),
        KUBE_SYSTEM_UID,
        bytes(32),
        *(hkdf(each.encode(), salt=b"prism-telemetry-agent 1", info=b"object 2026-11", length=32) for each in known),
        hkdf(KUBE_SYSTEM_UID, salt=b"prism-telemetry-agent 1", info=b"object 2026-11", length=32),
        # To have one of the other identifiers of the cluster, the token included, must not help either.
        Keys(SECRET).token.encode(),
        Keys(SECRET).voter("2026-W48", "cpu").encode(),
    ]
    messages = [
        prefix + name.encode() for name in NAMES for prefix in (b"", *(f"{kind}\0".encode() for kind in OBJECTS))
    ]
    found = digests(text)
    assert len(found) == len(NAMES)
    assert recovered(found, guesses(messages, keys)) == set()


def test_with_the_key_the_same_attack_recovers_every_name() -> None:
    found = digests(payload())
    key = hkdf(SECRET, salt=b"prism-telemetry-agent 1", info=b"object 2026-11", length=32)
    messages = [f"{kind}\0{name}".encode() for kind, names in OBJECTS.items() for name in names]
    assert recovered(found, guesses(messages, [key])) == found


def test_the_attack_recovers_unkeyed_hashes_where_there_are_any() -> None:
    weak = {hashlib.sha256(name.encode()).hexdigest()[:20] for name in NAMES}
    assert recovered(weak, guesses([name.encode() for name in NAMES], [])) == weak
