"""Starts one short pod of a run's image and removes it: the only way to know whether nodes reach and can run it."""

import time
from dataclasses import replace

from jobs import manifest
from jobs.board import Board
from jobs.cleanup import remove_run
from jobs.cluster import Cluster
from jobs.errors import JobsError
from jobs.finding import Finding, State
from jobs.hands import Hands
from jobs.launch import with_owner
from jobs.objects import Pod
from jobs.site import Site
from jobs.timeline import Milestone
from jobs.watching import watched
from probes.runner import signals_held

_SUBJECT, _STEP = "pod", "doctor"
# Beyond the time that the pod has to start: its end, and what removes it.
_SLACK_SECONDS = 120


def start_pod(cluster: Cluster, site: Site, *, start_seconds: float) -> tuple[Finding, ...]:
    """Start the server that answers latency probes, which is ready once it answers, and remove it whatever comes.

    Call it in the main thread: signals wait for what must not be broken off.
    """
    seconds = int(start_seconds) + _SLACK_SECONDS
    site = replace(site, expires_unix_seconds=int(time.time()) + seconds)
    try:
        # A request that is broken off may still be carried out, after the clean-up has looked.
        with signals_held():
            owned = with_owner(cluster, site, seconds)
        found = _started(Hands(cluster, owned, Board(site.name("")), start_seconds=start_seconds), seconds)
    except JobsError as error:
        found = Finding(subject=_SUBJECT, state=State.MISSING, found=str(error))
    finally:
        with signals_held():
            remark = _removed(cluster, site, seconds)
    return (found,) if remark is None else (found, remark)


def _removed(cluster: Cluster, site: Site, seconds: int) -> Finding | None:
    try:
        left = remove_run(cluster, site)
    except JobsError as error:
        what = f"whether it was removed is not known: {error}"
    else:
        if not left:
            return None
        what = "not removed yet: " + ", ".join(f"{each.kind} {each.name}" for each in left)
    remedy = f"the cluster removes it within {seconds} s; `probe cleanup` does it now"
    return Finding(subject=_SUBJECT, state=State.WARNING, found=what, remedy=remedy)


def _started(hands: Hands, seconds: int) -> Finding:
    job = manifest.server_job(hands.site, _STEP, step=_STEP, node=None, deadline_seconds=seconds)
    with watched(hands.cluster, hands.site, hands.board), hands.created([job]) as (created,):
        pod = hands.ready_pod(created, node=None)
        took = _took_seconds(hands, created.name)
        within = "" if took is None else f" within {took:.1f} s"
        found = f"a pod of {hands.site.image} was ready on {pod.node}{within}{_pulled(hands, pod)}"
        return Finding(subject=_SUBJECT, state=State.READY, found=found)


def _took_seconds(hands: Hands, job: str) -> float | None:
    startup = hands.board.startup_of(job)
    took_ns = None if startup is None else startup.between_ns(Milestone.CREATED, Milestone.READY)
    return None if took_ns is None else took_ns / 1e9


def _pulled(hands: Hands, pod: Pod) -> str:
    pull = hands.board.pulls().get(pod.meta.uid)
    if pull is None:
        return ""
    return ", its image was there" if pull.seconds is None else f", its image pulled in {pull.seconds:.1f} s"
