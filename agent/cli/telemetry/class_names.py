"""Names of storage classes in the place of their digests, for the operator's own eyes.

The history has digests alone. Whoever may list the cluster's storage classes can be shown which is which: each name
gives its digest again. Names are read when they are shown, and kept nowhere.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from agent.collect.kinds import STORAGE_CLASSES
from agent.collect.workloads import Classes
from agent.kube.http import Transport
from agent.kube.login import log_in
from agent.kube.scan import KubeScan, ScanFailed
from agent.results.merge import STORAGE_CLASS
from agent.settings import Settings
from agent.wire.types import DIGEST_LENGTH, Pseudonym
from jobs.errors import JobsError
from probes.measure.drift import Finding

# A person waits for it, and can do without.
_SECONDS = 5.0
_DIGEST = re.compile(rf"\b[a-z2-7]{{{DIGEST_LENGTH}}}\b")


def with_names(
    findings: tuple[Finding, ...], settings: Settings, pseudonym: Pseudonym, *, tell: Callable[[str], None]
) -> tuple[Finding, ...]:
    """Return the findings with names in their titles, as far as the cluster tells them; `tell` hears where it doesn't.

    What a finding is about (`what`) stays as it is kept, so that it is the same everywhere.
    """
    if not any(_DIGEST.search(finding.title) for finding in findings):
        return findings
    names = {pseudonym(STORAGE_CLASS, name): name for name in _names(settings, tell)}
    return tuple(replace(finding, title=_named(finding.title, names)) for finding in findings)


def _named(title: str, names: dict[str, str]) -> str:
    return _DIGEST.sub(lambda match: names.get(match[0], match[0]), title)


def _names(settings: Settings, tell: Callable[[str], None]) -> Iterable[str]:
    if not settings.has_cluster:
        tell("Storage classes are shown by their digests: there is no cluster here that could name them.")
        return ()
    try:
        login = log_in(kubeconfig=settings.environment.kubeconfig)
        scan = KubeScan(Transport(login), silence_seconds=_SECONDS, list_seconds=_SECONDS)
        return [each.name for each in scan.fold(STORAGE_CLASSES, Classes).classes]
    except (JobsError, ScanFailed):
        tell("Storage classes are shown by their digests: the cluster's own can't be listed now.")
        return ()
