"""Where facts come from: the cluster that the agent runs in or was given, or else this machine."""

from collections.abc import Callable

from agent.collect.gather import gather
from agent.collect.host import host_facts
from agent.kube.http import Transport
from agent.kube.login import log_in
from agent.kube.scan import NO_ANSWER, KubeScan
from agent.settings import Settings
from agent.wire.facts import Facts
from jobs.errors import Unavailable
from probes.runner import signals_interrupt


def collected(settings: Settings, *, on_unreadable: Callable[[str, int], None]) -> Facts:
    """Return what the level and the data types allow to know.

    `on_unreadable` is told which collectors have left out how many objects, since amounts in them could not be read.

    SIGTERM and SIGINT end it. Raises JobsError where there is no way to the cluster or nothing of it can be read, and
    Interrupted.
    """
    telemetry = settings.configuration.telemetry
    level, data_types = telemetry.privacy_level, telemetry.collection_rules.data_types
    with signals_interrupt():
        if not settings.has_cluster:
            return host_facts(level=level, data_types=data_types)
        login = log_in(kubeconfig=settings.environment.kubeconfig)
        scan = KubeScan(Transport(login))
        facts = gather(scan, level=level, data_types=data_types, on_unreadable=on_unreadable)
    nothing = all(getattr(facts, subject) is None for subject in facts.statuses)
    if facts.statuses and nothing and NO_ANSWER.issuperset(facts.statuses.values()):
        raise Unavailable("nothing of the cluster can be read: is its API server up, and within reach from here?")
    return facts
