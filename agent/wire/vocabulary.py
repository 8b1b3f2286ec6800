"""The words that facts may use: allow-listed, public, and the same on the wire. Pure.

A collector recognizes a thing and gives its word from here; whatever it did not recognize may stand in a fact as it was
read, since any word that is not listed here becomes `other` before it leaves. To list a word is to say that a cluster
may be told apart by it: nothing belongs here that only one organization runs.
"""

OTHER = "other"
"""What every unlisted word becomes; it is a word of every list."""

PROVIDERS = (
    "alibaba", "aws", "azure", "digitalocean", "gcp", "hetzner", "ibm", "linode", "openstack", "oracle", "vsphere",
)  # fmt: skip
"""Who runs the machines; machines of one's own are `other`."""

REGION_CLASSES = ("africa", "asia", "europe", "middle_east", "north_america", "oceania", "south_america")
"""A part of the world, which is what latency between clusters and services depends on; never a provider's region."""

MANAGED = ("aks", "doks", "eks", "gke", "lke", "oke")
LIGHTWEIGHT = ("k0s", "k3s", "microk8s", "rke2")
LOCAL = ("kind", "minikube")
DISTRIBUTIONS = (*MANAGED, *LIGHTWEIGHT, *LOCAL, "kubeadm", "openshift", "standalone", "talos")
"""`standalone` is a machine without a cluster."""

# Others are so rare that they would single a cluster out.
ARCHITECTURES = ("amd64", "arm64")
CONTAINER_RUNTIMES = ("containerd", "cri-o", "docker")

CELL_TYPES = (
    "channel", "data", "external", "integration", "legacy", "logic", "ml", "observability", "security",
)  # fmt: skip
"""Prism's own kinds of cells: `spec.cellType` of `cells.prism.io`."""
FEATURES = (
    "cells", "cost_estimation", "crossplane", "datadog_alternative", "ebpf_observability", "observability_stack",
    "pixie", "service_mesh", "telemetry_agent",
)  # fmt: skip
"""What can be switched on in Prism, by the names of its switches without `enable_`."""
OBSERVABILITY = (
    "alertmanager", "datadog", "dynatrace", "elastic", "fluent_bit", "fluentd", "grafana", "jaeger",
    "kube_state_metrics", "loki", "metrics_server", "mimir", "new_relic", "node_exporter", "opentelemetry",
    "prometheus", "promtail", "splunk", "tempo", "thanos", "vector", "victoria_metrics",
)  # fmt: skip
EBPF = (
    "beyla", "calico_ebpf", "cilium", "coroot", "falco", "hubble", "inspektor_gadget", "kubearmor", "merbridge",
    "parca", "pixie", "pyroscope", "tetragon", "tracee",
)  # fmt: skip

STORAGE_KINDS = (
    "aws_ebs", "aws_efs", "azure_disk", "azure_file", "ceph_fs", "ceph_rbd", "digitalocean", "ephemeral",
    "gcp_filestore", "gcp_pd", "hetzner", "hostpath", "ibm", "linode", "local_path", "local_volume", "longhorn", "nfs",
    "openebs", "openstack_cinder", "oracle", "portworx", "vsphere",
)  # fmt: skip
"""What provisions a volume, by the driver; `ephemeral` is a node's own scratch space."""

POLICY_DIRECTIONS = ("both", "egress", "ingress")
POLICY_PEERS = ("anywhere", "ip_blocks", "mixed", "namespaces", "nobody", "pods", "pods_of_namespaces")
"""Whom a policy lets in or out: `nobody` is a default deny, `mixed` is more than one of the others."""
POLICY_PORTS = ("all", "few", "many", "none", "one", "range")
"""How many ports a policy opens, never which: `few` is two to four, `many` is more."""

PATHS = ("same_node", "same_zone", "other_zone", "other_node", "service")
"""The way of a network measurement through the cluster: between nodes by whether they share a zone, and no zone's name;
`other_node` is between nodes of which one at least tells no zone."""
PROFILES = ("quick", "standard", "thorough")

_LATENCY = (
    "connect",
    "connect_request_response_64b",
    "open_loop_64b",
    "request_response_1024b",
    "request_response_64b",
)
_THROUGHPUT = (
    "cpu_local", "cpu_remote", "receive_1_stream", "receive_8_streams", "retransmits", "send_1_stream",
    "send_8_streams", "udp_jitter", "udp_loss",
)  # fmt: skip
# A name that is looked up is its place in the order of the plan: a cluster's own Service, a name outside through the
# search path, the same past it. What people name to look up themselves is not reported.
_DNS = (
    *(f"name_{number}_{kind}" for number in (1, 2, 3) for kind in ("cold", "failed", "failure_ratio", "repeated")),
    "search_path_cost_cold",
    "search_path_cost_repeated",
)
_POD_STAGES = ("pod_sandbox", "pod_scheduling", "pod_start", "pod_startup")
_STARTUP = (
    *_POD_STAGES,
    *(f"{stage}_{image}" for stage in _POD_STAGES for image in ("cold", "image_unknown")),
    "exec", "image_pull", "interpreter_start", "process_start", "service_endpoint", "service_propagation_by_address",
    "service_propagation_by_name", "service_start", "service_startup_by_address", "service_startup_by_name",
)  # fmt: skip
_STORAGE = (
    "claim_bind", "fsync_latency", "loaded_read_latency", "loaded_write_latency", "mixed_read_iops", "mixed_write_iops",
    "read_iops", "read_latency", "read_throughput", "volume_mount", "write_iops", "write_latency", "write_throughput",
)  # fmt: skip
_OWNERS = ("daemon_set", "deployment", "job", "no_owner", "node", "other", "stateful_set")
_UTILIZATION = (
    *(f"{resource}_{metric}" for resource in ("cpu", "memory") for metric in (
        "headroom", "largest_headroom", "requested", "requested_by_node", "requested_unevenness", "unused", "used",
        "used_by_node", "used_unevenness",
        *(f"{what}_{owner}" for what in ("requested", "unused") for owner in _OWNERS),
    )),
    "cpu_throttled", "disk_busy", "disk_read", "disk_written", "link_used", "network_received", "network_sent",
    "pressure_cpu_some", "pressure_io_full", "pressure_io_some", "pressure_memory_full", "pressure_memory_some",
    "run_queue",
)  # fmt: skip
METRICS = {
    "dns": _DNS,
    "latency": _LATENCY,
    "startup": _STARTUP,
    "storage": _STORAGE,
    "throughput": _THROUGHPUT,
    "utilization": _UTILIZATION,
}
"""Probe -> the names of its metrics, without the path or the storage class that a merged result adds to them."""

DOUBTS = (
    "bimodal", "budget-spent", "cached", "clock-uncertain", "cpu-stolen", "drift", "engine-fallback", "failures",
    "few-rounds", "few-samples", "indicative", "interference", "may-be-burst", "missed-slots", "not-steady", "outliers",
    "partial", "throttled", "tool-limit", "volatile", "warm-up", "wide-interval",
)  # fmt: skip
"""The codes of `probes.measure.stability.Flag`; the reasons stay where they are."""

COLLECTORS = ("benchmarks", "cluster", "nodes", "platform", "policies", "usage", "workloads")
STATUSES = ("failed", "forbidden", "missing_api", "off", "ok", "timeout")
"""How a collector ended; `off` was not consented to or is switched off."""
