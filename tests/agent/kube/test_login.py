"""Finding a cluster and being somebody there, by the ways that a kubeconfig knows."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import InsecureRequestWarning

from agent.kube.cluster import connect
from jobs.errors import InvalidRequest, Unavailable
from jobs.objects import Node
from tests.standin.standin import StandIn


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


@pytest.fixture
def config(cluster: StandIn) -> dict[str, Any]:
    """The stand-in's kubeconfig, to be altered."""
    read: dict[str, Any] = json.loads(cluster.kubeconfig.read_text())
    return read


def written(config: dict[str, Any], directory: Path) -> str:
    path = directory / "kubeconfig"
    path.write_text(json.dumps(config))
    return str(path)


def with_plugin(config: dict[str, Any], directory: Path, script: str) -> str:
    """Replace the user by a plugin, a shell script."""
    program = directory / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    config["users"] = [{"name": "admin", "user": {"exec": plugin}}]
    return written(config, directory)


@pytest.mark.parametrize("context", ["standin", "standin-token"])
def test_each_context_logs_in_its_own_way(cluster: StandIn, context: str) -> None:
    kube = connect(kubeconfig=str(cluster.kubeconfig), context=context)
    assert len(kube.list_all(Node).items) == 2


def test_keys_within_a_kubeconfig_leave_no_files(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embed(section: dict[str, str], key: str) -> None:
        section[f"{key}-data"] = base64.b64encode(Path(section.pop(key)).read_bytes()).decode()

    embed(config["clusters"][0]["cluster"], "certificate-authority")
    embed(config["users"][0]["user"], "client-certificate")
    embed(config["users"][0]["user"], "client-key")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    kube = connect(kubeconfig=written(config, tmp_path))
    assert list(temporary.iterdir()) == []
    assert len(kube.list_all(Node).items) == 2


def test_a_plugin_brings_the_credentials(config: dict[str, Any], tmp_path: Path) -> None:
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "stand-in-token"},
    }
    path = with_plugin(config, tmp_path, f"echo '{json.dumps(credential)}'")
    assert len(connect(kubeconfig=path).list_all(Node).items) == 2


def test_a_plugin_that_fails_is_told_of(config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"plugin.*session has expired"):
        connect(kubeconfig=with_plugin(config, tmp_path, "echo 'session has expired' >&2; exit 1"))


def test_credentials_that_are_not_accepted_are_told_of(config: dict[str, Any], tmp_path: Path) -> None:
    config["users"] = [{"name": "admin", "user": {"token": "wrong"}}]
    with pytest.raises(Unavailable, match="doesn't accept the credentials"):
        connect(kubeconfig=written(config, tmp_path)).list_all(Node)


def test_a_server_with_another_authority_is_not_trusted(config: dict[str, Any], tmp_path: Path) -> None:
    with StandIn(nodes=0) as other:
        theirs = json.loads(other.kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        cluster["certificate-authority"] = theirs["clusters"][0]["cluster"]["certificate-authority"]
        with pytest.raises(Unavailable, match="no trusted TLS connection"):
            connect(kubeconfig=written(config, tmp_path)).list_all(Node)
        del cluster["certificate-authority"]
        cluster["insecure-skip-tls-verify"] = True
        with pytest.warns(InsecureRequestWarning):
            assert len(connect(kubeconfig=written(config, tmp_path)).list_all(Node).items) == 2


def test_a_name_that_the_certificate_must_bear_is_checked(config: dict[str, Any], tmp_path: Path) -> None:
    config["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.example"
    with pytest.raises(Unavailable, match="no trusted TLS connection"):
        connect(kubeconfig=written(config, tmp_path)).list_all(Node)


def test_an_unknown_context_is_named(cluster: StandIn) -> None:
    with pytest.raises(InvalidRequest, match="context 'elsewhere'"):
        connect(kubeconfig=str(cluster.kubeconfig), context="elsewhere")


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "just words", "{}"])
def test_a_file_that_is_no_kubeconfig_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=str(path)) as refused:
        connect(kubeconfig=str(path))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="nowhere"):
        connect(kubeconfig=str(tmp_path / "nowhere"))


def test_a_certificate_that_cannot_be_read_is_told_of(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("no certificate")
    config["users"][0]["user"]["client-certificate"] = str(tmp_path / "broken")
    with pytest.raises(InvalidRequest, match="certificates can't be read"):
        connect(kubeconfig=written(config, tmp_path))
