"""What of workloads, autoscalers and storage is read; labels by an allow-list."""

from msgspec import field

from agent.collect.shapes import Name, Phase
from agent.kube.wire import Wire


class WorkloadLabels(Wire):
    """What tells what a workload is."""

    app: str = field(default="", name="app.kubernetes.io/name")
    old_app: str = field(default="", name="k8s-app")
    prism_component: str = field(default="", name="prism.io/component")


class WorkloadMeta(Wire):
    """`metadata` of a workload."""

    labels: WorkloadLabels = field(default_factory=WorkloadLabels)


class ImageOfContainer(Wire):
    """A container, of which only the image is read."""

    image: str = ""


class TemplateSpec(Wire):
    """`spec` of a template."""

    containers: tuple[ImageOfContainer, ...] = ()


class Template(Wire):
    """The pods that a workload makes."""

    spec: TemplateSpec = field(default_factory=TemplateSpec)


class WorkloadSpec(Wire):
    """`spec` of a workload."""

    template: Template = field(default_factory=Template)


class Workload(Wire):
    """A Deployment, a StatefulSet or a DaemonSet."""

    metadata: WorkloadMeta = field(default_factory=WorkloadMeta)
    spec: WorkloadSpec = field(default_factory=WorkloadSpec)


class Target(Wire):
    """What an autoscaler scales."""

    kind: str = ""
    name: str = ""


class AutoscalerSpec(Wire):
    """`spec` of a HorizontalPodAutoscaler."""

    scale_target_ref: Target = field(default_factory=Target)


class Autoscaler(Wire):
    """A HorizontalPodAutoscaler."""

    metadata: Name = field(default_factory=Name)
    spec: AutoscalerSpec = field(default_factory=AutoscalerSpec)


class DefaultClass(Wire):
    """The annotation of the default storage class."""

    is_default: str = field(default="", name="storageclass.kubernetes.io/is-default-class")


class ClassMeta(Wire):
    """`metadata` of a storage class."""

    name: str = ""
    annotations: DefaultClass = field(default_factory=DefaultClass)


class Class(Wire):
    """A storage class."""

    metadata: ClassMeta = field(default_factory=ClassMeta)
    provisioner: str = ""
    volume_binding_mode: str = "Immediate"


class ClaimSpec(Wire):
    """`spec` of a claim."""

    storage_class_name: str | None = None


class Claim(Wire):
    """A PersistentVolumeClaim."""

    spec: ClaimSpec = field(default_factory=ClaimSpec)
    status: Phase = field(default_factory=Phase)
