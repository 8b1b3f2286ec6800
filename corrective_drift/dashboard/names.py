"""Names and values of fields and metrics as people read them. Pure.

The wire has words of closed lists and numbers of buckets; what they mean is said here once for all pages. A word that
isn't known, such as one out of an older report, is shown as it is.
"""

import re
from collections.abc import Sequence
from typing import Any

from agent.wire import vocabulary
from agent.wire.fields import TABLE
from corrective_drift import votes
from corrective_drift.percentiles import metric_baseline
from corrective_drift.quantities import unit_after, unit_of
from probes.measure.baselines import MetricBaseline, Scale
from probes.measure.units import format_quantity

_WORDS = {
    "aks": "AKS", "api": "API", "aws": "AWS", "aws_ebs": "AWS EBS", "aws_efs": "AWS EFS", "azure": "Azure",
    "ceph_fs": "CephFS", "ceph_rbd": "Ceph RBD", "cpu": "CPU", "cpus": "CPUs", "dns": "DNS", "doks": "DOKS",
    "ebpf": "eBPF", "eks": "EKS", "gcp": "GCP", "gcp_filestore": "GCP Filestore", "gcp_pd": "GCP Persistent Disk",
    "gib": "GiB", "gke": "GKE", "hpas": "autoscalers", "ibm": "IBM", "ids": "ids", "iops": "IOPS", "lke": "LKE",
    "middle_east": "Middle East", "ml": "ML", "nfs": "NFS", "oke": "OKE", "openebs": "OpenEBS", "pvc": "PVC",
    "tcp": "TCP", "udp": "UDP", "v4": "IPv4", "v6": "IPv6", "vsphere": "vSphere", "1.23-or-older": "1.23 or older",
    "africa": "Africa", "asia": "Asia", "europe": "Europe", "north_america": "North America", "oceania": "Oceania",
    "south_america": "South America", "p50": "median", "p90": "90th percentile", "openshift": "OpenShift",
    "hetzner": "Hetzner", "linode": "Linode", "openstack": "OpenStack", "oracle": "Oracle", "alibaba": "Alibaba",
    "digitalocean": "DigitalOcean", "azure_disk": "Azure Disk", "azure_file": "Azure File", "longhorn": "Longhorn",
}  # fmt: skip
_TITLES = {
    "dns.name_{}_cold": "Look-up of name {}, first time",
    "dns.name_{}_failed": "Look-up of name {}, when it fails",
    "dns.name_{}_failure_ratio": "Look-ups of name {} that fail",
    "dns.name_{}_repeated": "Look-up of name {}, repeated",
    "dns.search_path_cost_cold": "Cost of the search path, first time",
    "dns.search_path_cost_repeated": "Cost of the search path, repeated",
    "latency.connect": "TCP connect",
    "latency.connect_request_response_{}b": "Connect, request and response, {} B",
    "latency.open_loop_{}b": "Request and response under steady load, {} B",
    "latency.request_response_{}b": "Request and response, {} B",
    "startup.exec": "Spawn until exec",
    "startup.image_pull": "Image pull",
    "startup.interpreter_start": "Spawn until Python's first instruction",
    "startup.pod_sandbox": "Pod: scheduled until its sandbox is ready",
    "startup.pod_scheduling": "Pod: created until it is scheduled",
    "startup.pod_start": "Pod: sandbox ready until its containers run",
    "startup.pod_startup": "Pod: created until its containers run",
    "startup.process_start": "Spawn until a program's first byte",
    "startup.service_endpoint": "Service: created until it has an endpoint",
    "startup.service_start": "Spawn until a service's first answer",
    "storage.claim_bind": "Volume claim until it is bound",
    "storage.fsync_latency": "Write made durable (fdatasync)",
    "storage.loaded_read_latency": "Random read under load",
    "storage.loaded_write_latency": "Random write under load",
    "storage.mixed_read_iops": "Mixed load, reads",
    "storage.mixed_write_iops": "Mixed load, writes",
    "storage.read_iops": "Random reads",
    "storage.read_latency": "Random read",
    "storage.read_throughput": "Sequential read",
    "storage.volume_mount": "Volume until it is mounted",
    "storage.write_iops": "Random writes",
    "storage.write_latency": "Random write",
    "storage.write_throughput": "Sequential write",
    "throughput.cpu_local": "CPU of this end during TCP",
    "throughput.cpu_remote": "CPU of the other end during TCP",
    "throughput.receive_{}_stream": "Receive, {} TCP stream",
    "throughput.receive_{}_streams": "Receive, {} TCP streams",
    "throughput.retransmits": "TCP segments sent again, per GiB",
    "throughput.send_{}_stream": "Send, {} TCP stream",
    "throughput.send_{}_streams": "Send, {} TCP streams",
}
_FIELDS = {
    "cluster.minor": "Kubernetes version",
    "cluster.region_class": "Part of the world",
    "platform.ebpf": "Tools on eBPF",
    "minimal.nodes.cpu_cores": "CPU of all nodes",
    "minimal.nodes.memory_gib": "Memory of all nodes",
    "nodes.count": "Nodes",
    "nodes.multi_zone": "In several zones",
    "nodes.pools": "Node pools",
    "nodes.version_skew": "Oldest node behind, minor versions",
    "platform.cell_rows": "Cells, each",
    "policies.count": "Policies",
    "policies.default_deny_share": "Namespaces with default deny",
    "policies.shapes": "Shapes of policies",
    "workloads.autoscaled_share": "Autoscaled",
    "workloads.cronjobs": "CronJobs",
    "workloads.daemonsets": "DaemonSets",
    "workloads.statefulsets": "StatefulSets",
    "workloads.without_cpu_limit_share": "Without a CPU limit",
    "workloads.without_cpu_request_share": "Without a CPU request",
    "workloads.without_memory_limit_share": "Without a memory limit",
    "workloads.without_memory_request_share": "Without a memory request",
}
_FIELD_NAMES = frozenset(field.name for field in TABLE)
# A field or a metric, and behind a metric its place, as `votes` makes them.
_NAMED = re.compile(rf"\b([a-z]+\.[a-z0-9_]+)(?: ((?:{'|'.join(vocabulary.PROFILES)})(?:/\w+)*))?")
_NUMBER = re.compile(r"(?<=_)\d+")
_SUBJECTS = {
    "benchmarks": "Measurements", "cluster": "Cluster", "dns": "DNS", "latency": "Latency",
    "minimal": "At the level minimal", "nodes": "Nodes", "platform": "Platform", "policies": "Network policies",
    "startup": "Startup", "storage": "Storage", "throughput": "Throughput", "usage": "Use of resources",
    "utilization": "Utilization", "workloads": "Workloads",
}  # fmt: skip


def spoken(word: str) -> str:
    """Return a word of the wire, or a name in snake case, as people write it."""
    if word in _WORDS:
        return _WORDS[word]
    return " ".join(_WORDS.get(part, part) for part in word.split("_"))


def sentence(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]


def subject_title(subject: str) -> str:
    """Return the heading of a subject or a probe."""
    return _SUBJECTS.get(subject, sentence(spoken(subject)))


def field_title(name: str) -> str:
    """Return the name of a field, `subject.attribute`, within its subject."""
    attribute = name.partition(".")[2]
    return _FIELDS.get(name) or sentence(spoken(attribute.removesuffix("_gib").removesuffix("_cores")))


def metric_title(metric: str) -> str:
    """Return the name of a metric within its subject."""
    subject, _, name = metric.partition(".")
    if metric in _TITLES:
        return _TITLES[metric]
    number = _NUMBER.search(name)
    if number is not None:
        pattern = f"{subject}.{name[: number.start()]}{{}}{name[number.end() :]}"
        if pattern in _TITLES:
            return _TITLES[pattern].format(number[0])
    for suffix, words in (("_image_unknown", ", image unknown"), ("_cold", ", image pulled")):
        if name.endswith(suffix) and (title := _TITLES.get(f"{subject}.{name.removesuffix(suffix)}")):
            return title + words
    return field_title(metric)


def in_words(text: str) -> str:
    """Return a text in which fields and metrics, and where they were measured, stand by their titles."""
    return _NAMED.sub(_titled, text)


def _titled(named: re.Match[str]) -> str:
    name, place = named.groups()
    if name not in _FIELD_NAMES and votes.measure(name) is None:
        return named[0]
    where = f" ({place_title(place)})" if place else ""
    return f"“{metric_title(name)}{where}”"


def place_title(place: str) -> str:
    """Return where a metric was measured; empty for none."""
    return ", ".join(spoken(part) for part in place.split("/") if part)


def scale_of(metric: str, place: str) -> MetricBaseline | None:
    """Return what turns the buckets of a metric into values, without any cohort; None for what is no metric."""
    measure = votes.measure(metric)
    if measure is None:
        return None
    return metric_baseline(metric, place, measure, ())


def bucket_value(scale: MetricBaseline, bucket: int) -> str:
    """Return what a bucket stands for, in words; the outermost ones have all that is beyond."""
    if scale.scale is Scale.RANGES:
        unit = unit_after(scale.metric)
        # What a share is of stands in the name.
        said = "" if unit.startswith("of ") else f" {unit}".rstrip()
        return f"{ranged(scale.words[bucket])}{said}" if 0 <= bucket < len(scale.words) else str(bucket)
    if bucket <= scale.first:
        return "about 0"
    value = format_quantity(scale.value(min(bucket, scale.last)), unit_of(scale.metric))
    return f"{value} or more" if bucket >= scale.last else value


def ranged(words: str) -> str:
    """Return the label of a range as people write it, such as `16–31` and `25–50 %`; other words stay."""
    low, dash, high = words.partition("-")
    if not dash or not low.isdigit() or not high[:1].isdigit():
        return words
    return f"{low}–{high}".replace("%", " %")


def plain(value: Any) -> str:
    """Return a value of a document in words."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return spoken(value)
        case []:
            return "none"
        case list() if all(isinstance(each, str) for each in value):
            return listed([spoken(each) for each in value])
        case _:
            return str(value)


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"


def plural(count: int, noun: str) -> str:
    """Return `1 report`, `2 reports`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
