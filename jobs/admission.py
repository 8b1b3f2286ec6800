"""What a cluster says to the objects of a run when they are only tried: a server's dry run. Pure.

A Job is admitted whatever its pods are like: Pod Security, quotas and LimitRanges judge each pod when the Job's
controller makes it. So the pods are tried too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jobs.finding import Finding, State
from jobs.manifest import Manifest
from jobs.site import STEP

_SUBJECT = "admission"
_NECESSARY = frozenset({"ConfigMap", "Job", "Pod"})
_OTHER_NAMESPACE = "choose another --namespace"
_POLICY = "ask whoever keeps that policy for an exception, or " + _OTHER_NAMESPACE
# Words of the API server's admission plugins -> whose they are, and what to do.
_REFUSERS = (
    ("violates PodSecurity", "Pod Security", "something in the cluster changes our pods, which keep to `restricted`; "
     + _OTHER_NAMESPACE),
    ("exceeded quota", "the quota", f"wait until others are done, have it raised, or {_OTHER_NAMESPACE}"),
    ("failed quota", "the quota", f"it wants every container to state what ours don't; {_OTHER_NAMESPACE}"),
    (" usage per ", "the LimitRange", f"have it admit what the probes need, or {_OTHER_NAMESPACE}"),
    ("limit to request ratio", "the LimitRange", f"have it admit what the probes need, or {_OTHER_NAMESPACE}"),
    ("security context constraint", "the SecurityContextConstraints", "leave the pods' user to the cluster"),
    ("ValidatingAdmissionPolicy", "a policy", _POLICY),
    ("admission webhook", "a policy", _POLICY),
)  # fmt: skip
_UNKNOWN = ("admission", f"mend what it names, or {_OTHER_NAMESPACE}")
# A webhook that may have side effects must not be called in a dry run, and the server then refuses the dry run.
_NO_DRY_RUN = "does not support dry run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the server said to one object."""

    kind: str
    step: str
    """Whose object it is."""
    refused: str | None = None
    """In the server's words."""
    untried: str | None = None
    """Why it could not be tried, and then nothing is known of it."""
    warnings: tuple[str, ...] = ()

    @property
    def is_admitted(self) -> bool:
        """Whether the server would have taken the object."""
        return self.refused is None and self.untried is None


def with_pods(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Yield each manifest, and after a Job's the pod that its controller would make."""
    for manifest in manifests:
        yield manifest
        if manifest["kind"] == "Job" and manifest["spec"].get("completions") != 0:
            template = manifest["spec"]["template"]
            place = {key: manifest["metadata"][key] for key in ("name", "namespace")}
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": template["metadata"] | place,
                "spec": template["spec"],
            }


def step_of(manifest: Manifest) -> str:
    """Return the step that a manifest belongs to."""
    return str(manifest["metadata"]["labels"][STEP])


def findings(trials: Sequence[Trial]) -> tuple[Finding, ...]:
    """Return a line for each reason of a refusal, for each warning, for what was not tried, and for all the rest."""
    if not trials:
        found = "nothing was tried, since nothing can be planned"
        return (Finding(subject=_SUBJECT, state=State.WARNING, found=found, remedy="mend what is missing first"),)
    lines = [*_refusals(trials), *_warnings(trials), *_untried(trials)]
    good = [trial for trial in trials if trial.is_admitted]
    if good:
        kinds = {kind: sum(trial.kind == kind for trial in good) for kind in dict.fromkeys(each.kind for each in good)}
        counted = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items())
        lines.append(Finding(subject=_SUBJECT, state=State.READY, found=f"a dry run admits {counted}"))
    return tuple(lines)


def _refusals(trials: Sequence[Trial]) -> Iterator[Finding]:
    for sentence, concerned in _grouped((trial.refused, trial) for trial in trials).items():
        refuser, remedy = next(((who, what) for phrase, who, what in _REFUSERS if phrase in sentence), _UNKNOWN)
        necessary = any(trial.kind in _NECESSARY for trial in concerned)
        yield Finding(
            subject=_SUBJECT,
            state=State.MISSING if necessary else State.WARNING,
            found=f"{refuser} refuses {_named(concerned)}: {sentence}",
            remedy=remedy,
        )


def _warnings(trials: Sequence[Trial]) -> Iterator[Finding]:
    told = ((warning, trial) for trial in trials for warning in trial.warnings)
    for sentence, concerned in _grouped(told).items():
        found = f"a warning to {_named(concerned)}: {sentence}"
        yield Finding(subject=_SUBJECT, state=State.WARNING, found=found, remedy=f"see to it, or {_OTHER_NAMESPACE}")


def _untried(trials: Sequence[Trial]) -> Iterator[Finding]:
    for why, concerned in _grouped((trial.untried, trial) for trial in trials).items():
        found = f"it is not known whether {_named(concerned)} would be admitted: {why}"
        of_pods = all(trial.kind == "Pod" for trial in concerned)
        remedy = "--start-pod finds out, for one" if of_pods else "mend what keeps it from being tried"
        yield Finding(subject=_SUBJECT, state=State.WARNING, found=found, remedy=remedy)


def untried_reason(sentence: str) -> str | None:
    """Return why a refused dry run says nothing of the object, None where it does."""
    return "a webhook of this cluster takes no dry runs" if _NO_DRY_RUN in sentence else None


def _grouped(told: Iterable[tuple[str | None, Trial]]) -> dict[str, list[Trial]]:
    groups: dict[str, list[Trial]] = {}
    for sentence, trial in told:
        if sentence is not None:
            groups.setdefault(_core(sentence), []).append(trial)
    return groups


def _core(sentence: str) -> str:
    """Leave out what names the object, so that one reason is told once for all of them."""
    return sentence.rpartition(" is forbidden: ")[2].rpartition("refused at admission: ")[2]


def _named(trials: Sequence[Trial]) -> str:
    """As in: the Pods of dns-1, storage-node-1 and 4 more."""
    kinds = "s and ".join(dict.fromkeys(trial.kind for trial in trials)) + "s"
    steps = list(dict.fromkeys(trial.step for trial in trials))
    shown = ", ".join(steps[:3]) + (f" and {len(steps) - 3} more" if len(steps) > 3 else "")
    return f"the {kinds} of {shown}"
