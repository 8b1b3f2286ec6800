"""One container as a local process: its command, environment, files, log, end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.standin.name_server import DOMAIN
from tests.standin.resources import Json

_INIT = Path(__file__).with_name("container_init.py")
# The checkout, and the environment that runs it.
_PROGRAMS = sorted({str(Path(__file__).resolve().parents[2]), sys.prefix, sys.base_prefix})
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
# As in the image: nothing of the environment of whoever runs the stand-in but where the programs are.
_IMAGE_ENVIRONMENT = {"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
# What kubelet reads of a termination message.
_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the pod gives its containers."""

    pod: Json
    ip: str
    name_server: str
    directory: Path
    volumes: dict[str, Path] = field(default_factory=dict)
    """Directories by the names of volumes."""


class Container:
    """A started container. The thread that starts it must outlive it: the kernel ends it with that thread."""

    def __init__(self, spec: Json, surroundings: Surroundings) -> None:
        self.directory = surroundings.directory / spec["name"]
        self.directory.mkdir()
        self.log_path = self.directory / "log"
        self._termination_path = self.directory / "termination-log"
        self._termination_path.touch()
        (self.directory / "root").mkdir()
        self.started_ns = 0
        """True moment of the execution of the command."""
        reading, writing = os.pipe()
        try:
            with self.log_path.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", _INIT, json.dumps(self._init(spec, surroundings, writing))],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(writing,),
                    env=os.environ | {"LC_ALL": "C"},
                )
            os.close(writing)
            os.read(reading, 1)
            self.started_ns = time.monotonic_ns()
        finally:
            os.close(reading)
        self.ended_ns = 0
        self._end_fd = os.pidfd_open(self._process.pid)

    def fileno(self) -> int:
        """Return what can be polled for the container's end (pidfd_open(2)), until `close`."""
        return self._end_fd

    def close(self) -> None:
        """Close what `fileno` returned."""
        os.close(self._end_fd)

    def wait(self, seconds: float) -> int | None:
        """Return the exit code as soon as there is one, None after `seconds`."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(seconds)
            self.ended_ns = self.ended_ns or time.monotonic_ns()
            return code if code >= 0 else 128 - code
        return None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the container's first process; SIGKILL ends all of its processes."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    @property
    def message(self) -> str:
        return self._termination_path.read_bytes()[:_MESSAGE_BYTES].decode("utf-8", "replace")

    def _init(self, spec: Json, surroundings: Surroundings, executed_fd: int) -> Json:
        (self.directory / "hosts").write_text(f"127.0.0.1\tlocalhost\n{surroundings.ip}\t{_name(surroundings.pod)}\n")
        namespace = surroundings.pod["metadata"]["namespace"]
        search = " ".join((f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN))
        text = f"search {search}\nnameserver {surroundings.name_server}\noptions ndots:5\n"
        (self.directory / "resolv.conf").write_text(text)
        environment = _environment(spec, surroundings)
        command = [*(spec.get("command") or ()), *(spec.get("args") or ())]
        return {
            "parent_pid": os.getpid(),
            "executed_fd": executed_fd,
            "root": str(self.directory / "root"),
            "files": str(self.directory),
            "programs": _PROGRAMS,
            "termination_log": str(self._termination_path),
            "mounts": [
                (str(surroundings.volumes[each["name"]]), each["mountPath"], not each.get("readOnly", False))
                for each in spec.get("volumeMounts") or ()
            ],
            "read_only_root": bool((spec.get("securityContext") or {}).get("readOnlyRootFilesystem")),
            "working_directory": spec.get("workingDir") or "/",
            "environment": environment,
            "command": [expanded(word, environment) for word in command],
        }


def _name(pod: Json) -> str:
    return str(pod["metadata"]["name"])


def _environment(spec: Json, surroundings: Surroundings) -> dict[str, str]:
    """Return the container's variables; each may refer to those before it."""
    programs = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    found = {"PATH": programs, "HOSTNAME": _name(surroundings.pod), **_IMAGE_ENVIRONMENT}
    facts = {
        "status.podIP": surroundings.ip,
        "metadata.name": _name(surroundings.pod),
        "metadata.namespace": surroundings.pod["metadata"]["namespace"],
        "spec.nodeName": surroundings.pod["spec"]["nodeName"],
    }
    for each in spec.get("env") or ():
        if "valueFrom" in each:
            found[each["name"]] = facts[each["valueFrom"]["fieldRef"]["fieldPath"]]
        else:
            found[each["name"]] = expanded(each.get("value", ""), found)
    return found


def expanded(text: str, variables: dict[str, str]) -> str:
    """Replace `$(NAME)` as the kubelet does: unknown names stay, `$$` is a dollar."""
    return _REFERENCE.sub(lambda m: "$" if m[0] == "$$" else variables.get(m[1], m[0]), text)
