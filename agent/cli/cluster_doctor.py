"""`probe doctor` for a cluster: ask, judge, and show what a run would lack there, and the roles that it takes."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click
import yaml
from rich.text import Text

from agent.cli.cluster_options import ClusterOptions
from agent.cli.cluster_request import Asked, limits_of, request_of, site_of
from agent.cli.layout import print_findings
from agent.kube.cluster import connect
from jobs.doctor import judge
from jobs.errors import TryAgain, Unavailable
from jobs.examine import examine
from jobs.finding import Finding, State
from jobs.hands import START_SECONDS
from jobs.launch import expires_after
from jobs.permissions import ROLE, roles
from jobs.preview import NEEDS
from jobs.start_pod import start_pod
from probes.catalogue import CATALOGUE
from probes.probe import Profile
from probes.runner import signals_interrupt

_COLORS = {State.READY: "green", State.WARNING: "yellow", State.MISSING: "red"}


def findings(options: ClusterOptions, *, with_pod: bool) -> tuple[Finding, ...]:
    """Return what was found out. Raises InvalidRequest for a context that there is not, Interrupted."""
    with signals_interrupt():
        try:
            return _findings(options, with_pod=with_pod)
        except (Unavailable, TryAgain) as error:
            return (Finding(subject="cluster", state=State.MISSING, found=str(error)),)


def _findings(options: ClusterOptions, *, with_pod: bool) -> tuple[Finding, ...]:
    cluster = connect(context=options.context)
    asked = Asked(probes=tuple(CATALOGUE), profile=Profile.QUICK, options={}, cluster=options)
    request = request_of(asked, uuid.uuid4().hex[:10], options.namespace or cluster.namespace)
    limits = limits_of(options)
    site = site_of(asked, request, expires_unix_seconds=int(time.time()) + expires_after(limits))
    found = judge(examine(cluster, request, site, limits, now=datetime.now(UTC)))
    if not with_pod:
        return found
    click.echo(f"Starting a pod of {site.image}, which is removed again", err=True)
    started = start_pod(cluster, site, start_seconds=options.start_within or START_SECONDS)
    # That a pod would have to be started to know more of the image is no longer true.
    return (*(each for each in found if each.subject != "image"), *started)


def as_json(found: Sequence[Finding]) -> str:
    """Return a list of objects with subject, state, found and remedy."""
    return json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False)


def show(found: Sequence[Finding]) -> None:
    """Print a table for people, and what it comes to."""
    subjects = [each.subject for each in found]
    print_findings(
        ("" if each.subject == before else each.subject, Text(each.state, _COLORS[each.state]), _told(each))
        for each, before in zip(found, ["", *subjects], strict=False)
    )
    click.echo(f"\n{_conclusion(found)}")


def _told(finding: Finding) -> Text:
    text = Text(finding.found)
    return text.append(f"\n→ {finding.remedy}", style="dim") if finding.remedy else text


def exit_code(found: Sequence[Finding]) -> int:
    """Return what the command exits with."""
    return 3 if any(each.state is State.MISSING for each in found) else 0


def _conclusion(found: Sequence[Finding]) -> str:
    missing, warnings = (sum(each.state is state for each in found) for state in (State.MISSING, State.WARNING))
    doubts = f"{warnings} warning{'s' if warnings != 1 else ''}"
    if missing:
        return f"A run lacks something that it needs: {missing} missing, {doubts}."
    return f"All that a run needs is here{f', with {doubts}' if warnings else ''}."


def rbac(options: ClusterOptions) -> str:
    """Return the roles as YAML for kubectl. Raises JobsError where no namespace is given and none can be found out."""
    namespace = options.namespace or connect(context=options.context).namespace
    told = (
        f"# Then bind them to whoever probes, for example:\n"
        f"#   kubectl create rolebinding {ROLE} --role={ROLE} --user=NAME --namespace={namespace}\n"
        f"#   kubectl create clusterrolebinding {ROLE} --clusterrole={ROLE} --user=NAME\n"
    )
    dumped: str = yaml.safe_dump_all(roles(NEEDS, namespace), sort_keys=False, explicit_start=True)
    return told + dumped
