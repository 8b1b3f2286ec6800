"""Prism's cells and features, the observability stack and what uses eBPF, as far as the catalogue knows them.

Level standard (the cells one by one: detailed), `platform_features`. Reads the names of the API's groups, Deployments,
StatefulSets, DaemonSets, namespaces, and where they are served Prism's cells and Calico's configuration.
"""

from collections.abc import Sequence
from typing import Any

from agent.collect import catalogue, kinds
from agent.collect.collector import Collector, Findings, Want
from agent.collect.recognition import Recognition
from agent.collect.shapes_platform import Cell, Felix, Namespace
from agent.collect.shapes_workloads import Workload
from agent.levels import DataType, Level
from agent.wire.facts import Cell as CellFacts
from agent.wire.facts import PlatformFacts

_OBSERVABILITY = Recognition(catalogue.OBSERVABILITY)
_EBPF = Recognition(catalogue.EBPF)
_FEATURES = Recognition(catalogue.FEATURES)
_PARTS = {"observability": _OBSERVABILITY, "ebpf": _EBPF, "features": _FEATURES}
# A document has room for 16 cells; further ones are still counted.
_MOST_ROWS = 256


class Recognized:
    """The words for what workloads are; images and labels themselves are not kept."""

    def __init__(self) -> None:
        self.words: dict[str, set[str]] = {part: set() for part in _PARTS}

    def add(self, workloads: Sequence[Workload]) -> None:
        """Look at some workloads."""
        for workload in workloads:
            labels = workload.metadata.labels
            images = [container.image for container in workload.spec.template.spec.containers]
            for part, recognition in _PARTS.items():
                words = [recognition.of_app(labels.app or labels.old_app), *map(recognition.of_image, images)]
                words.append(recognition.of_component(labels.prism_component))
                self.words[part].update(word for word in words if word)


class Cells:
    """Cells: how many, of which types, and the first ones' names."""

    def __init__(self) -> None:
        self.count = 0
        self.types: set[str] = set()
        self.rows: list[CellFacts] = []

    def _note(self, name: str, kind: str) -> None:
        self.count += 1
        if kind and len(self.types) < _MOST_ROWS:
            self.types.add(kind)
        if len(self.rows) < _MOST_ROWS:
            self.rows.append(CellFacts(name=name, type=kind or None))


class CellObjects(Cells):
    """Cells as objects of prism.io."""

    def add(self, cells: Sequence[Cell]) -> None:
        """Add some cells."""
        for cell in cells:
            self._note(cell.metadata.name, (cell.spec.cell_type if cell.spec else None) or "")


class CellNamespaces(Cells):
    """Cells as namespaces that are labelled with a type of cell."""

    def add(self, namespaces: Sequence[Namespace]) -> None:
        """Add those that are cells."""
        for namespace in namespaces:
            labels = namespace.metadata.labels
            kind = labels.cell_type or labels.platform_cell_type
            if kind:
                self._note(namespace.metadata.name, kind)


class CalicoSwitch:
    """Whether Calico is told to use eBPF."""

    def __init__(self) -> None:
        self.on = False

    def add(self, configurations: Sequence[Felix]) -> None:
        """Look at some configurations: the cluster's, and those of single nodes."""
        self.on = self.on or any(each.spec is not None and each.spec.bpf_enabled for each in configurations)


WORKLOADS = tuple(
    Want(kind=kind, start=Recognized) for kind in (kinds.DEPLOYMENTS, kinds.STATEFUL_SETS, kinds.DAEMON_SETS)
)
CELLS = Want(kind=kinds.CELLS, start=CellObjects, if_served=True)
CELL_NAMESPACES = Want(kind=kinds.NAMESPACES, start=CellNamespaces)
CALICO = Want(kind=kinds.FELIX, start=CalicoSwitch, if_served=True)


def _facts(findings: Findings) -> PlatformFacts:
    return PlatformFacts(**_words(findings), **_cells(findings))


def _words(findings: Findings) -> dict[str, Any]:
    """Return the words of each part. One list that can't be read hides what only it would show: then none is known."""
    read = [findings.tally(want) for want in WORKLOADS]
    calico = findings.tally(CALICO)
    if findings.groups is None or calico is None or None in read:
        return {}
    found = {part: recognition.of_groups(findings.groups) for part, recognition in _PARTS.items()}
    for part, words in found.items():
        words.update(*(recognized.words[part] for recognized in read if recognized))
    if calico.on:
        found["ebpf"].add("calico_ebpf")
    return {part: tuple(sorted(words)) for part, words in found.items()}


def _cells(findings: Findings) -> dict[str, Any]:
    objects, namespaces = findings.tally(CELLS), findings.tally(CELL_NAMESPACES)
    if objects is None or namespaces is None:
        return {}
    # A Cell makes a namespace of its own, which is labelled, too.
    cells: Cells = objects if objects.count else namespaces
    return {"cells": cells.count, "cell_types": tuple(sorted(cells.types)), "cell_rows": tuple(cells.rows)}


PLATFORM = Collector(
    name="platform",
    level=Level.STANDARD,
    data_type=DataType.PLATFORM_FEATURES,
    wants=(*WORKLOADS, CELLS, CELL_NAMESPACES, CALICO),
    groups=True,
    facts=_facts,
)
