"""Where the API server is and who we are there, by the official client: kubeconfig, plugins, or a pod's own account.

The `kubernetes` package costs 30 MB and a third of a second, so it is imported when a cluster is asked for, not before.
"""

import logging
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import urllib3

from jobs.errors import InvalidRequest, Unavailable

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CONNECTIONS = 16
"""Kept open for reuse: a run has half a dozen watches and a few calls at once."""


@dataclass(slots=True)
class Login:
    """An address, connections to it, and the credentials, which plugins may renew."""

    host: str
    pool: urllib3.PoolManager
    namespace: str
    """The one that the context names; `default` where it names none."""
    _configuration: Any
    _lock: Lock

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a request. May run a plugin, one thread at a time."""
        with self._lock:
            token = self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return {"Authorization": token} if token else {}


def log_in(*, context: str | None = None, kubeconfig: str | None = None) -> Login:
    """Find the cluster as kubectl does: the file given, else KUBECONFIG, else ~/.kube/config, else the pod's account.

    Raises InvalidRequest where the context or the file named is none, Unavailable where no cluster is to be found.
    """
    from kubernetes import config  # noqa: PLC0415 - heavy, see above
    from kubernetes.client import Configuration  # noqa: PLC0415 - heavy
    from yaml import YAMLError  # noqa: PLC0415 - comes with the former

    configuration = Configuration()
    # The client writes keys out of a kubeconfig to files, and removes them when the interpreter exits in peace. Here
    # they are gone as soon as they have been read.
    with tempfile.TemporaryDirectory(prefix="probe-") as directory, _plugin_errors() as complaints:
        try:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=kubeconfig,
                context=context,
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=directory,
            )
            namespace = _namespace_of(config, context, kubeconfig)
        except config.ConfigException as error:
            if context or kubeconfig:
                raise InvalidRequest(f"{_where(context, kubeconfig)}: {_first_line(error)}") from error
            namespace = _use_account(config, configuration, error)
        except (OSError, ValueError, TypeError, AttributeError, KeyError, YAMLError) as error:
            # The client checks little: a file that is no YAML mapping ends in any of these.
            raise InvalidRequest(f"{_where(context, kubeconfig)} is no kubeconfig: {_first_line(error)}") from error
        if complaints:
            raise Unavailable(f"the kubeconfig's plugin brought no credentials: {complaints[0]}")
        pool = _pool(configuration)
    return Login(configuration.host.rstrip("/"), pool, namespace or "default", configuration, Lock())


def _where(context: str | None, kubeconfig: str | None) -> str:
    return f"context {context!r}" if context else f"kubeconfig {kubeconfig or 'file'}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _namespace_of(config: Any, context: str | None, kubeconfig: str | None) -> str:
    contexts, active = config.list_kube_config_contexts(kubeconfig)
    chosen = next((entry for entry in contexts if entry["name"] == context), active)
    return str(chosen["context"].get("namespace") or "")


def _use_account(config: Any, configuration: Any, no_kubeconfig: Exception) -> str:
    try:
        config.load_incluster_config(client_configuration=configuration)
        return (_ACCOUNT / "namespace").read_text().strip()
    except (config.ConfigException, OSError) as error:
        raise Unavailable(
            f"no cluster: {_first_line(no_kubeconfig)} And this is no pod with a service account. "
            "Set KUBECONFIG, or give --context"
        ) from error


@contextmanager
def _plugin_errors() -> Iterator[list[str]]:
    """Collect what the client would only log: a plugin that fails would otherwise end in a puzzling 401."""
    complaints: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            complaints.append(record.getMessage().splitlines()[0][:200])

    root, collector = logging.getLogger(), Collector(level=logging.ERROR)
    root.addHandler(collector)
    try:
        yield complaints
    finally:
        root.removeHandler(collector)


def _pool(configuration: Any) -> urllib3.PoolManager:
    from kubernetes.client.rest import should_bypass_proxies  # noqa: PLC0415 - heavy
    from kubernetes.utils.keepalive import tcp_keepalive_socket_options  # noqa: PLC0415 - heavy

    options: dict[str, Any] = {
        "maxsize": _CONNECTIONS,
        # A watch may be silent for minutes; a peer that is gone is noticed by the kernel instead.
        "socket_options": tcp_keepalive_socket_options(),
        "retries": False,
    }
    if configuration.host.startswith("https"):
        options["ssl_context"] = _tls(configuration)
        if configuration.tls_server_name:
            options |= {"server_hostname": configuration.tls_server_name}
            options |= {"assert_hostname": configuration.tls_server_name}
    if configuration.proxy and not should_bypass_proxies(configuration.host, configuration.no_proxy or ""):
        return urllib3.ProxyManager(configuration.proxy, proxy_headers=configuration.proxy_headers, **options)
    return urllib3.PoolManager(**options)


def _tls(configuration: Any) -> ssl.SSLContext:
    try:
        tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if not configuration.verify_ssl:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if configuration.cert_file:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (ssl.SSLError, OSError) as error:
        raise InvalidRequest(f"the kubeconfig's certificates can't be read: {_first_line(error)}") from error
    return tls
