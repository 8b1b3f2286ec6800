"""What a dry run tells, in words."""

import pytest

from jobs.admission import Trial, findings, step_of, untried_reason, with_pods
from jobs.finding import State
from jobs.plan import plan
from jobs.preview import manifests
from tests.jobs.factories import SECONDS, nodes, request, site, storage_class

VIOLATION = 'violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "probe" must set it)'


def refused(kind: str, step: str, why: str) -> Trial:
    plural = f"{kind.lower()}s"
    sentence = f'can\'t create {plural} "{step}" in namespace lab: refused at admission: {plural} "{step}" is forbidden'
    return Trial(kind=kind, step=step, refused=f"{sentence}: {why}")


def test_each_job_is_followed_by_the_pod_that_its_controller_would_make() -> None:
    made = plan(request("dns"), nodes=nodes(1), classes=[storage_class("fast")], seconds=SECONDS)
    tried = list(with_pods(manifests(made, site(owner=None))))
    assert [each["kind"] for each in tried] == ["Job", "ConfigMap", "Job", "Pod"]
    job, pod = tried[2:]
    assert pod["spec"] == job["spec"]["template"]["spec"]
    assert pod["metadata"]["namespace"] == "lab"
    assert step_of(pod) == step_of(job) == "dns-1"


def test_a_job_of_zero_completions_has_no_pod() -> None:
    expiry = {"kind": "Job", "metadata": {}, "spec": {"completions": 0}}
    assert list(with_pods([expiry])) == [expiry]


def test_one_reason_is_told_once_for_all_that_it_concerns() -> None:
    steps = [f"dns-{number}" for number in range(1, 6)]
    (found,) = findings([refused("Pod", step, VIOLATION) for step in steps])
    assert found.state is State.MISSING
    assert found.found == f"Pod Security refuses the Pods of dns-1, dns-2, dns-3 and 2 more: {VIOLATION}"


@pytest.mark.parametrize(
    ("why", "who"),
    [
        (VIOLATION, "Pod Security"),
        ("exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0", "the quota"),
        ("failed quota: strict: must specify limits.cpu for: probe", "the quota"),
        ("maximum memory usage per Container is 512Mi, but limit is 1Gi", "the LimitRange"),
        ("minimum storage usage per PersistentVolumeClaim is 10Gi, but request is 5Gi", "the LimitRange"),
        ('admission webhook "validate.example" denied the request: no', "a policy"),
        ("something that nobody has heard of", "admission"),
    ],
)
def test_who_refuses_is_told_by_the_servers_words(why: str, who: str) -> None:
    (found,) = findings([refused("Pod", "dns-1", why)])
    assert found.found == f"{who} refuses the Pods of dns-1: {why}"
    assert found.remedy


def test_a_refused_claim_costs_a_part_of_the_run_only() -> None:
    (found,) = findings([refused("PersistentVolumeClaim", "storage-class-1", "exceeded quota: small")])
    assert found.state is State.WARNING


def test_what_was_not_tried_is_not_called_admitted() -> None:
    (found,) = findings([Trial(kind="Pod", step="dns-1", untried="it takes a permission")])
    assert found.state is State.WARNING
    assert "not known" in found.found


def test_where_nothing_was_tried_that_is_told() -> None:
    (found,) = findings([])
    assert found.state is State.WARNING


def test_a_warning_of_the_server_is_shown() -> None:
    warned, admitted = findings([Trial(kind="Job", step="dns-1", warnings=("would violate something",))])
    assert warned.state is State.WARNING
    assert "would violate something" in warned.found
    assert admitted.state is State.READY


def test_what_is_admitted_is_counted_by_kind() -> None:
    (found,) = findings([Trial(kind="Job", step="a"), Trial(kind="Pod", step="a"), Trial(kind="Job", step="b")])
    assert found.state is State.READY
    assert found.found == "a dry run admits 2 Jobs, 1 Pod"


def test_a_webhook_that_takes_no_dry_run_tells_nothing_of_the_object() -> None:
    assert untried_reason('admission webhook "x" does not support dry run') is not None
    assert untried_reason(VIOLATION) is None
