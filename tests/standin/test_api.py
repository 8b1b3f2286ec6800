"""What the stand-in answers is what a real server answered; where kubectl is there, it is the judge."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.standin.lab import SPACE, pod_spec
from tests.standin.pod_security import violations
from tests.standin.problem import Problem
from tests.standin.selectors import matches_fields, matches_labels
from tests.standin.standin import StandIn

# Recorded from Kubernetes 1.36.
_PRIVILEGED = (
    'violates PodSecurity "restricted:latest": privileged (container "privileged" must not set '
    'securityContext.privileged=true), allowPrivilegeEscalation != false (container "privileged" must set '
    'securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "privileged" must set '
    'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "privileged" must set '
    'securityContext.runAsNonRoot=true), seccompProfile (pod or container "privileged" must set '
    'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
)
_NOT_FOUND = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": 'pods "x" not found',
    "reason": "NotFound",
    "details": {"name": "x", "kind": "pods"},
    "code": 404,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


def ask(cluster: StandIn, path: str, method: str = "GET", body: object = None) -> tuple[int, Any]:
    """What a client that knows nothing of Kubernetes gets."""
    config = json.loads(cluster.kubeconfig.read_text())
    tls = ssl.create_default_context(cafile=config["clusters"][0]["cluster"]["certificate-authority"])
    headers = {"Authorization": f"Bearer {config['users'][1]['user']['token']}"}
    data = None if body is None else json.dumps(body).encode()
    url = urlsplit(cluster.server.url)
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, context=tls, timeout=10)
    with closing(connection):
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def test_a_privileged_pod_is_refused_in_the_recorded_words() -> None:
    spec = {"containers": [{"name": "privileged", "securityContext": {"privileged": True}}]}
    assert violations(spec, "restricted") == _PRIVILEGED
    assert violations(spec, "privileged") == ""
    assert violations(pod_spec("true"), "restricted") == ""


def test_an_error_is_the_recorded_status(cluster: StandIn) -> None:
    assert ask(cluster, "/api/v1/namespaces/probe-lab/pods/x") == (404, _NOT_FOUND)


def test_items_of_a_list_bear_no_kind_and_pages_tell_what_remains(cluster: StandIn) -> None:
    code, page = ask(cluster, "/api/v1/namespaces?limit=2")
    assert code == 200
    assert page["kind"] == "NamespaceList"
    assert page["metadata"]["remainingItemCount"] == 1
    assert "kind" not in page["items"][0]
    code, last = ask(cluster, f"/api/v1/namespaces?limit=2&continue={page['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in page["items"] + last["items"]] == ["default", "kube-system", SPACE]
    assert last["metadata"]["resourceVersion"] == page["metadata"]["resourceVersion"]


def test_an_update_of_an_old_version_conflicts(cluster: StandIn) -> None:
    path = f"/api/v1/namespaces/{SPACE}/configmaps"
    _, created = ask(cluster, path, "POST", {"metadata": {"name": "versioned"}})
    code, _ = ask(cluster, f"{path}/versioned", "PUT", created | {"data": {"a": "1"}})
    assert code == 200
    code, status = ask(cluster, f"{path}/versioned", "PUT", created | {"data": {"a": "2"}})
    assert (code, status["reason"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("", True),
        ("a=1", True),
        ("a==1,b", True),
        ("a!=1", False),
        ("!c", True),
        ("a in (1, 2),b notin (3)", True),
        ("c in (1)", False),
        ("c notin (1)", True),
    ],
)
def test_label_selectors_select(selector: str, *, selected: bool) -> None:
    assert matches_labels(selector, {"a": "1", "b": ""}) is selected


def test_a_selector_that_cannot_be_read_is_a_bad_request() -> None:
    with pytest.raises(Problem, match="unable to parse"):
        matches_labels("a = = b", {})


def test_field_selectors_select() -> None:
    thing = {"metadata": {"name": "n"}, "status": {"phase": "Running"}}
    assert matches_fields("metadata.name=n,status.phase!=Pending,spec.nodeName=", thing)
    assert not matches_fields("status.phase=Pending", thing)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_finds_its_way(cluster: StandIn) -> None:
    env = os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}

    def kubectl(*arguments: str, given: str | None = None) -> str:
        command = ["kubectl", *arguments]
        return subprocess.run(
            command, env=env, input=given, capture_output=True, text=True, check=True, timeout=30
        ).stdout

    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "by-kubectl", "labels": {"a": "b"}}}
    kubectl("create", "--validate=false", "-f", "-", given=json.dumps(manifest))
    assert "by-kubectl" in kubectl("get", "all,pvc,cm", "-l", "a=b", "-o", "name")
    kubectl("delete", "cm", "by-kubectl")
    assert kubectl("get", "cm", "-l", "a=b", "-o", "name") == ""
