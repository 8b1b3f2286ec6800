"""Which permissions a run lacks, what is lost without each, and the RBAC rules that grant them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobs.finding import Finding, State
from jobs.manifest import Manifest
from jobs.preview import Need

ROLE = "probe-runner"
"""The name of the roles that grant what a run asks for."""
_SUBJECT = "permissions"
# As YAML writes the name of the core group.
_EMPTY = '""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A permission, and whether the API server says that we have it."""

    need: Need
    allowed: bool
    reason: str = ""
    """The authorizer's words, or why nobody could tell; mostly empty."""


def findings(answers: Sequence[Answered], namespace: str) -> tuple[Finding, ...]:
    """Return a line for each resource of which a permission is lacking, and one for all the others."""
    lacking: dict[tuple[str, bool], list[Answered]] = {}
    for answer in answers:
        if not answer.allowed:
            lacking.setdefault((_resource(answer.need), answer.need.namespaced), []).append(answer)
    there = sum(answer.allowed for answer in answers)
    if not lacking:
        found = f"all {there} that a run asks for, in namespace {namespace} and on the whole cluster"
        return (Finding(subject=_SUBJECT, state=State.READY, found=found),)
    lost = tuple(_lost(each, namespace) for each in lacking.values())
    if not there:
        return lost
    return (*lost, Finding(subject=_SUBJECT, state=State.READY, found=f"the other {there} of {len(answers)} are there"))


def rules(needs: Iterable[Need]) -> list[dict[str, list[str]]]:
    """Return the rules of a role that grants `needs`: one for all resources of a group that take the same verbs."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for need in needs:
        resource = need.kind.api.plural + (f"/{need.subresource}" if need.subresource else "")
        granted = verbs.setdefault((need.kind.api.group, resource), [])
        if need.verb not in granted:
            granted.append(need.verb)
    resources: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), granted in verbs.items():
        resources.setdefault((group, tuple(granted)), []).append(resource)
    return [
        {"apiGroups": [group], "resources": named, "verbs": list(granted)}
        for (group, granted), named in resources.items()
    ]


def roles(needs: Sequence[Need], namespace: str) -> tuple[Manifest, ...]:
    """Return the Role and the ClusterRole that grant `needs`; whom to bind them to is for an administrator to say."""
    places: Mapping[bool, tuple[str, dict[str, str]]] = {
        True: ("Role", {"name": ROLE, "namespace": namespace}),
        False: ("ClusterRole", {"name": ROLE}),
    }
    return tuple(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "rules": rules(need for need in needs if need.namespaced is namespaced),
        }
        for namespaced, (kind, metadata) in places.items()
    )


def _lost(answers: Sequence[Answered], namespace: str) -> Finding:
    needs = [answer.need for answer in answers]
    where = f"in namespace {namespace}" if needs[0].namespaced else "on the whole cluster"
    verbs = ", ".join(need.verb for need in needs)
    lost = ", ".join(dict.fromkeys(need.why for need in needs))
    reasons = "; ".join(dict.fromkeys(answer.reason for answer in answers if answer.reason))
    kind = "Role" if needs[0].namespaced else "ClusterRole"
    return Finding(
        subject=_SUBJECT,
        state=State.MISSING if any(need.required for need in needs) else State.WARNING,
        found=f"may not {verbs} {_resource(needs[0])} {where}, so a run can't {lost}"
        + (f" ({reasons})" if reasons else ""),
        remedy=f"grant {_flow(rules(needs))}, or the whole {kind} `{ROLE}` that --print-rbac prints",
    )


def _resource(need: Need) -> str:
    api = need.kind.api
    return api.plural + (f".{api.group}" if api.group else "") + (f"/{need.subresource}" if need.subresource else "")


def _flow(granted: Sequence[Mapping[str, Sequence[str]]]) -> str:
    """Write rules as YAML in one line."""
    return ", ".join(f"{{{', '.join(f'{key}: {_list(values)}' for key, values in rule.items())}}}" for rule in granted)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(value or _EMPTY for value in values)}]"
