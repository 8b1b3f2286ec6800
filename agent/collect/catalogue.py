"""What is recognized in a cluster, and by what: the table to extend. Pure data; docs/collecting.md explains it.

A sign is an image (its repository or the end of it: `grafana/loki` is in `registry.example/mirror/grafana/loki:3.2`), a
label `app.kubernetes.io/name` (or the older `k8s-app`) of a workload, or a group of the API, which custom resources
bring along. One sign suffices. Only what the signs name is ever told: an image that is in no line is not known at all.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """By what one word of `agent.wire.vocabulary` is recognized."""

    word: str
    images: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    """Values of Prism's own label `prism.io/component`."""


OBSERVABILITY = (
    Sign(word="alertmanager", images=("prometheus/alertmanager", "prom/alertmanager"), apps=("alertmanager",)),
    Sign(
        word="datadog",
        images=("datadoghq/agent", "datadog/agent", "datadoghq/cluster-agent"),
        groups=("datadoghq.com",),
    ),
    Sign(word="dynatrace", images=("dynatrace-operator", "dynatrace/oneagent"), groups=("dynatrace.com",)),
    Sign(
        word="elastic",
        images=(
            "elasticsearch/elasticsearch",
            "kibana/kibana",
            "beats/filebeat",
            "beats/metricbeat",
            "beats/elastic-agent",
        ),
        groups=("elasticsearch.k8s.elastic.co",),
    ),
    Sign(word="fluent_bit", images=("fluent/fluent-bit", "aws-observability/aws-for-fluent-bit"), apps=("fluent-bit",)),
    Sign(word="fluentd", images=("fluent/fluentd", "fluent/fluentd-kubernetes-daemonset"), apps=("fluentd",)),
    Sign(word="grafana", images=("grafana/grafana", "grafana/grafana-enterprise"), apps=("grafana",)),
    Sign(
        word="jaeger",
        images=("jaegertracing/all-in-one", "jaegertracing/jaeger", "jaegertracing/jaeger-collector"),
        groups=("jaegertracing.io",),
    ),
    Sign(word="kube_state_metrics", images=("kube-state-metrics",), apps=("kube-state-metrics",)),
    Sign(word="loki", images=("grafana/loki",), apps=("loki",), groups=("loki.grafana.com",)),
    Sign(word="metrics_server", images=("metrics-server",), apps=("metrics-server",)),
    Sign(word="mimir", images=("grafana/mimir",), apps=("mimir",)),
    Sign(
        word="new_relic", images=("newrelic/infrastructure-k8s", "newrelic/nri-kubernetes", "newrelic/infrastructure")
    ),
    Sign(
        word="node_exporter",
        images=("prometheus/node-exporter", "prom/node-exporter"),
        apps=("node-exporter", "prometheus-node-exporter"),
    ),
    Sign(
        word="opentelemetry",
        images=("opentelemetry-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s"),
        apps=("opentelemetry-collector",),
        groups=("opentelemetry.io",),
    ),
    Sign(
        word="prometheus",
        images=("prometheus/prometheus", "prom/prometheus", "prometheus-operator/prometheus-operator"),
        apps=("prometheus",),
        groups=("monitoring.coreos.com",),
    ),
    Sign(word="promtail", images=("grafana/promtail",), apps=("promtail",)),
    Sign(word="splunk", images=("splunk/splunk", "signalfx/splunk-otel-collector"), groups=("enterprise.splunk.com",)),
    Sign(word="tempo", images=("grafana/tempo",), apps=("tempo",), groups=("tempo.grafana.com",)),
    Sign(word="thanos", images=("thanos/thanos", "thanosio/thanos"), apps=("thanos",)),
    Sign(word="vector", images=("timberio/vector",), apps=("vector",)),
    Sign(
        word="victoria_metrics",
        images=("victoriametrics/victoria-metrics", "victoriametrics/vmagent", "victoriametrics/vmstorage"),
        groups=("operator.victoriametrics.com",),
    ),
)
EBPF = (
    Sign(word="beyla", images=("grafana/beyla",), apps=("beyla",)),
    Sign(word="cilium", images=("cilium/cilium",), groups=("cilium.io",)),
    Sign(word="coroot", images=("coroot/coroot-node-agent",), groups=("coroot.com",)),
    Sign(word="falco", images=("falcosecurity/falco", "falcosecurity/falco-no-driver"), apps=("falco",)),
    Sign(word="hubble", images=("cilium/hubble-relay",), apps=("hubble-relay",)),
    Sign(word="inspektor_gadget", images=("inspektor-gadget/inspektor-gadget",), groups=("gadget.kinvolk.io",)),
    Sign(word="kubearmor", images=("kubearmor/kubearmor",), groups=("security.kubearmor.com",)),
    Sign(word="merbridge", images=("merbridge/merbridge",), apps=("merbridge",)),
    Sign(word="parca", images=("parca-dev/parca-agent",), apps=("parca-agent",)),
    Sign(word="pixie", images=("pixie-oss/pixie-prod/vizier-pem_image", "pixie-io/pixie/pem"), groups=("px.dev",)),
    Sign(word="pyroscope", images=("grafana/pyroscope",), apps=("pyroscope",)),
    Sign(word="tetragon", images=("cilium/tetragon",), apps=("tetragon",)),
    Sign(word="tracee", images=("aquasec/tracee", "aquasecurity/tracee"), apps=("tracee",)),
)
"""`calico_ebpf` is not here: no image tells it, but the switch in Calico's configuration (`agent.collect.platform`)."""
FEATURES = (
    Sign(word="cells", groups=("prism.io", "platform.prism.io"), components=("cell-deployment",)),
    Sign(word="cost_estimation", components=("cost-estimation",)),
    Sign(word="crossplane", images=("crossplane/crossplane",), groups=("apiextensions.crossplane.io",)),
    Sign(word="datadog_alternative", components=("datadog",)),
    Sign(word="ebpf_observability", components=("ebpf-observability", "cilium", "tetragon", "falco")),
    Sign(word="observability_stack", components=("observability",)),
    Sign(word="pixie", groups=("px.dev",), components=("pixie",)),
    Sign(word="service_mesh", groups=("networking.istio.io",), components=("service-mesh",)),
    Sign(word="telemetry_agent", apps=("telemetry-agent",), components=("telemetry",)),
)
"""The label's values are those that Prism's own modules set on what they install."""
