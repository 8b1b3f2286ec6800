"""Writes the manifests that are made of something else; `make manifests` calls it, and a test sees that none is stale.

    python scripts/manifests.py

The RBAC objects of each level come from the table of fields, the operator's PrometheusRule from the plain rules, and
telemetry-deployment.yaml, for who has no kustomize, from an overlay.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from agent.levels import DataType, Level
from agent.wire.rbac import NAMESPACE, rbac_objects
from jobs.permissions import roles
from jobs.preview import NEEDS

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
MONITORING = KUBERNETES / "components" / "monitoring"
# Their namespace, account and roles.
BENCHMARKS = "prism-benchmarks"
# The one of the documentation's first steps. Nothing is on until somebody switches it on and consents.
RENDERED_LEVEL = Level.STANDARD
_MADE = "# Made by `make manifests`{}: change that, not this.\n"


class _Plain(yaml.SafeDumper):
    """Writes everything out: who reads the files need not know YAML's anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Have none."""
        return True


def kubectl() -> str:
    """Return the kubectl that the development environment has."""
    return str(Path(sys.executable).with_name("kubectl"))


def manifests() -> Iterator[tuple[Path, str]]:
    """Yield each file and what it should hold; the rendered one comes last, since it is made of others."""
    for level in Level:
        objects = rbac_objects(level, tuple(DataType), namespace=NAMESPACE)
        head = _MADE.format(f" (`telemetry-agent rbac --level {level}`) from the table of fields")
        yield KUBERNETES / "overlays" / level / "rbac.yaml", head + _dump(objects)
    head = _MADE.format(" (`probe doctor --print-rbac`) from what a run asks for")
    yield KUBERNETES / "benchmarks" / "rbac.yaml", head + _dump(_benchmarks())
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    yield MONITORING / "prometheusrule.yaml", _MADE.format(" from alerts.yaml") + _dump([_prometheus_rule(rules)])
    head = _MADE.format(f" from overlays/{RENDERED_LEVEL}") + (
        "# kubectl apply -f namespace.yaml -f telemetry-deployment.yaml; then scripts/toggle-telemetry.sh enable\n"
    )
    yield KUBERNETES / "telemetry-deployment.yaml", head + kustomized(KUBERNETES / "overlays" / RENDERED_LEVEL)


def kustomized(directory: Path) -> str:
    """Return what `kubectl kustomize` makes of a directory."""
    command = [kubectl(), "kustomize", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _dump(objects: object) -> str:
    return yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, width=120)


def _benchmarks() -> Iterator[dict[str, object]]:
    """The roles of a run under a name of their own: removing them must not take those of a person along."""
    for role in roles(NEEDS, BENCHMARKS):
        metadata = {**role["metadata"], "name": BENCHMARKS}
        yield {**role, "metadata": metadata}
        yield {
            "apiVersion": role["apiVersion"],
            "kind": f"{role['kind']}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"], "name": BENCHMARKS},
            "subjects": [{"kind": "ServiceAccount", "name": BENCHMARKS, "namespace": BENCHMARKS}],
        }


def _prometheus_rule(rules: object) -> dict[str, object]:
    labels = {"app.kubernetes.io/name": "telemetry-agent", "app.kubernetes.io/part-of": "prism"}
    metadata = {"name": "telemetry-agent", "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": rules}


if __name__ == "__main__":
    for path, text in manifests():
        path.write_text(text)
        print(path.relative_to(ROOT))
