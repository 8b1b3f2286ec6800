"""The only reader of configuration files and of the environment.

Later sources win: the defaults, the YAML file, the flat keys of a mounted ConfigMap, `TELEMETRY_*` variables. pydantic
checks the whole once; every mistake is told with its path, its value, what is allowed, and the source it came from.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from agent.configuration import Configuration, Consent, Probes, Telemetry
from agent.errors import InvalidSettings
from agent.levels import Level
from agent.state import choose_directory

DEFAULT_PATH = Path("/etc/telemetry/config.yaml")
_PREFIX = "TELEMETRY_"
# Kubernetes gives every pod variables of the namespace's Services: TELEMETRY_AGENT_SERVICE_HOST, …_PORT_8080_TCP_ADDR.
_SERVICE_LINKS = f"{_PREFIX}AGENT_"
# A ConfigMap holds at most 1 MiB.
_LARGEST_FILE_BYTES = 1024**2
# How a kubelet marks the directory of a mounted ConfigMap: its files are links into this one.
_CONFIGMAP_MARK = "..data"
_SECTIONS: dict[str, type[BaseModel]] = {"telemetry": Telemetry, "consent": Consent, "probes": Probes}

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the process was started with, as far as it concerns the agent."""

    do_not_track: bool
    switched_off: bool
    """`TELEMETRY_ENABLED` says false: it overrules whatever comes later in the order of stops."""
    proxy: str | None
    """The proxy for https, None for a direct connection."""
    no_proxy: tuple[str, ...]
    in_cluster: bool
    """Whether this is a pod: the kubelet tells each where the API server is."""
    kubeconfig: str | None
    """What KUBECONFIG names. A kubeconfig that merely lies in the home directory is not followed: somebody who tries
    the agent on a laptop does not mean the cluster that kubectl happened to talk to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration, where it came from, and the environment."""

    configuration: Configuration
    environment: Environment
    sources: tuple[str, ...]
    state_directory: Path

    @property
    def has_cluster(self) -> bool:
        """Whether there is a cluster to look at."""
        return self.environment.in_cluster or self.environment.kubeconfig is not None


def load(path: Path | None, variables: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration from `path` (None: the default path if it exists) and what overrides it.

    Raises InvalidSettings, one line that tells all that is wrong.
    """
    variables = os.environ if variables is None else variables
    file = path or (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
    values: dict[str, Any] = {}
    origins: dict[_Path, str] = {}
    sources: list[str] = []
    if file is not None:
        values = _yaml(file)
        sources.append(str(file))
        _overlay(values, origins, _mounted(file.parent, file.name))
    _overlay(values, origins, _variables(variables))
    sources += dict.fromkeys(origins.values())
    try:
        configuration = Configuration.model_validate(values)
    except ValidationError as error:
        raise InvalidSettings("; ".join(_complaints(error, origins, str(file or "the defaults")))) from None
    return Settings(
        configuration=configuration,
        environment=_environment(variables),
        sources=tuple(sources),
        state_directory=choose_directory(configuration.telemetry.state_dir, variables),
    )


def flat_keys() -> dict[str, _Path]:
    """Return the flat name of every key -> where it stands in the file: `privacy_level` -> telemetry, privacy_level."""
    return {
        name if section == "telemetry" else f"{section}_{name}": (section, *path)
        for section, model in _SECTIONS.items()
        for name, path in _leaves(model, ())
    }


def _leaves(model: type[BaseModel], path: _Path) -> Iterator[tuple[str, _Path]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, (*path, name))
        else:
            yield name, (*path, name)


def _yaml(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LARGEST_FILE_BYTES:
            raise InvalidSettings(f"{file} is larger than a ConfigMap can be (1 MiB): name a configuration file")
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings(f"can't read {file}: {error.strerror}: name a configuration file by --config") from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(f"{file} is no text (byte {error.start}): it must be YAML in UTF-8") from error
    except yaml.YAMLError as error:
        raise InvalidSettings(f"{file} is no YAML: {_where(error)}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InvalidSettings(f"{file} must have the sections {', '.join(_SECTIONS)}: it holds a single value")
    return values


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "unreadable"
    return f"{problem} in line {mark.line + 1}, column {mark.column + 1}" if mark else str(problem)


def _mounted(directory: Path, besides: str) -> Iterator[tuple[_Path, str, str]]:
    """Yield path, text and origin of each flat key where `directory` is a mounted ConfigMap."""
    if not (directory / _CONFIGMAP_MARK).exists():
        return
    known = flat_keys()
    for file in sorted(directory.iterdir()):
        if file.name.startswith("..") or file.name == besides:
            continue
        if file.name not in known:
            raise InvalidSettings(f"{file} is no key of the configuration: known are {', '.join(known)}")
        try:
            yield known[file.name], file.read_text(encoding="utf-8").strip(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"can't read {file}: {error}") from error


def _variables(variables: Mapping[str, str]) -> Iterator[tuple[_Path, str, str]]:
    known = {f"{_PREFIX}{name.upper()}": path for name, path in flat_keys().items()}
    for name, text in sorted(variables.items()):
        if not name.startswith(_PREFIX) or name.startswith(_SERVICE_LINKS):
            continue
        if name not in known:
            raise InvalidSettings(f"{name} in the environment is unknown: known are {', '.join(known)}")
        yield known[name], text, name


def _overlay(values: dict[str, Any], origins: dict[_Path, str], found: Iterator[tuple[_Path, str, str]]) -> None:
    for path, text, origin in found:
        section = values
        for name in path[:-1]:
            inner = section.get(name)
            section[name] = dict(inner) if isinstance(inner, dict) else {}
            section = section[name]
        # A list is written with commas where there is no YAML.
        section[path[-1]] = [each for each in text.split(",") if each] if path[-1] == "storage_classes" else text
        origins[path] = origin


def _complaints(error: ValidationError, origins: Mapping[_Path, str], otherwise: str) -> Iterator[str]:
    for each in error.errors(include_url=False, include_context=False):
        path = tuple(str(part) for part in each["loc"])
        origin = origins.get(path, otherwise)
        # What nobody has asked for may be anything, a password too.
        hidden = each["type"] == "extra_forbidden" or isinstance(each["input"], dict | BaseModel)
        shown = "" if hidden else f" = {_short(each['input'])}"
        yield f"{'.'.join(path)}{shown} in {origin}: {_message(each['type'], each['msg'])}"


def _message(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key: remove it, or see examples/config.yaml for what there is"
        case "enum":
            return f"allowed are {', '.join(Level)}"
        case "literal_error" if "True" in message:
            return "only true: nothing leaves this agent as it is"
        case _:
            return message.removeprefix("Value error, ")


def _short(value: object) -> str:
    # Who stands before the host of an address may have a password.
    text = re.sub(r"//.*@", "//…@", repr(value), flags=re.DOTALL)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _environment(variables: Mapping[str, str]) -> Environment:
    def on(name: str) -> bool:
        return variables.get(name, "").strip().lower() not in {"", "0", "false", "no", "off"}

    either_case = {name.upper(): text for name, text in variables.items() if name.lower() in _PROXY_VARIABLES}
    return Environment(
        do_not_track=on("DO_NOT_TRACK"),
        switched_off=f"{_PREFIX}ENABLED" in variables and not on(f"{_PREFIX}ENABLED"),
        proxy=either_case.get("HTTPS_PROXY") or either_case.get("ALL_PROXY") or None,
        no_proxy=tuple(each.strip() for each in either_case.get("NO_PROXY", "").split(",") if each.strip()),
        in_cluster="KUBERNETES_SERVICE_HOST" in variables,
        kubeconfig=variables.get("KUBECONFIG") or None,
    )


_PROXY_VARIABLES = {"https_proxy", "all_proxy", "no_proxy"}
