import os
import signal
from typing import Any

import pytest

from jobs.cluster import Created, Manifest
from jobs.objects import ConfigMap, Object, Pod
from jobs.start_pod import start_pod
from probes.errors import Interrupted
from probes.runner import signals_interrupt
from tests.jobs.factories import site
from tests.jobs.memory import Memory, labelled


class Signalled(Memory):
    """A cluster during whose calls a signal arrives, as a user's Ctrl-C does."""

    def __init__(self, *, during: str) -> None:
        super().__init__(play=ready)
        self.during = during

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Created:
        self.interrupt("create", manifest["kind"])
        return super().create(manifest, dry_run=dry_run)

    def delete(self, kind: type[Object], name: str, **arguments: Any) -> None:
        self.interrupt("delete", kind.api.kind)
        super().delete(kind, name, **arguments)

    def interrupt(self, verb: str, kind: str) -> None:
        if self.during == f"{verb} {kind}":
            self.during = ""
            os.kill(os.getpid(), signal.SIGINT)


def ready(memory: Memory, pod: Pod, _manifest: Manifest) -> None:
    memory.run(pod)


def test_a_signal_is_heeded_once_what_owns_everything_was_created() -> None:
    memory = Signalled(during="create ConfigMap")
    with pytest.raises(Interrupted), signals_interrupt():
        start_pod(memory, site(owner=None), start_seconds=5.0)
    # A request that is broken off may still be carried out, after the clean-up has looked.
    assert [each["kind"] for each in memory.created] == ["Job", "ConfigMap"]
    assert labelled(memory) == []


def test_a_signal_does_not_break_the_clean_up_off() -> None:
    memory = Signalled(during="delete ConfigMap")
    with pytest.raises(Interrupted), signals_interrupt():
        start_pod(memory, site(owner=None), start_seconds=5.0)
    assert memory.names(ConfigMap) == labelled(memory) == []
