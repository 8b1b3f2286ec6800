"""The objects of deploy/kubernetes as a cluster would get them."""

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
MONITORING = KUBERNETES / "components" / "monitoring"
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
LEVELS = ("minimal", "standard", "detailed")
Json = dict[str, Any]

# What users with something optional would write themselves.
WITH_EVERYTHING = "everything"
WITHOUT_VOLUMES = "without-volumes"
_COMPONENTS = {WITH_EVERYTHING: ("monitoring", "corrective-drift"), WITHOUT_VOLUMES: ("emptydir",)}


def kustomized(directory: Path) -> list[Json]:
    ran = subprocess.run([KUBECTL, "kustomize", directory], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [each for each in yaml.safe_load_all(ran.stdout) if each]


@cache
def objects(name: str, directory: Path | None = None) -> tuple[Json, ...]:
    """Return what an overlay, or one with components (made in `directory`), or the benchmarks come to."""
    if name in _COMPONENTS:
        assert directory is not None
        made = directory / name
        made.mkdir()
        # Relative, as kustomize wants it.
        top = "../" * (len(made.parts) - 1) + str(KUBERNETES).lstrip("/")
        components = [f"{top}/components/{each}" for each in _COMPONENTS[name]]
        kustomization = {"resources": [f"{top}/overlays/detailed"], "components": components}
        (made / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return tuple(kustomized(made))
    return tuple(kustomized(KUBERNETES / (name if name == "benchmarks" else f"overlays/{name}")))


def one(found: tuple[Json, ...], kind: str, name: str) -> Json:
    (object_,) = (each for each in found if each["kind"] == kind and each["metadata"]["name"] == name)
    return object_


def pod_template(object_: Json) -> Json | None:
    """Return the template of the pods that an object makes."""
    spec = object_.get("spec", {})
    if object_["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template")  # type: ignore[no-any-return]


def script(name: str) -> ModuleType:
    """Return a program of scripts/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
