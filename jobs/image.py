"""What can be known of an image without starting a pod: which nodes have it already. Pure."""

from collections.abc import Collection, Sequence

from jobs.finding import Finding, State
from jobs.objects import NodeImages

_SUBJECT = "image"
_START = "--start-pod starts one short pod and finds out"


def finding(image: str, nodes: Sequence[NodeImages] | str, suitable: Collection[str]) -> Finding:
    """Tell whether the nodes that can be probed have the image; `nodes` is text where that can't be looked at."""
    if isinstance(nodes, str):
        return Finding(subject=_SUBJECT, state=State.WARNING, found=f"not known: {nodes}", remedy=_START)
    wanted = full_name(image)
    having = [each.meta.name for each in nodes if each.meta.name in suitable and wanted in each.images]
    if suitable and len(having) == len(suitable):
        found = f"{image} is on {_counted(len(having), len(suitable))} already"
        return Finding(subject=_SUBJECT, state=State.READY, found=found)
    registry = wanted.partition("/")[0]
    found = f"whether {registry} is in reach of the nodes is not known without a pod: "
    if having:
        found += f"{len(having)} of {len(suitable)} nodes have {image} already, the others must pull it"
    else:
        # The kubelet tells of its 50 largest images (nodeStatusMaxImages), and an image of ours is a small one.
        found += f"no node tells that it has {image}, though a kubelet tells of its largest images only"
    return Finding(subject=_SUBJECT, state=State.WARNING, found=found, remedy=_START)


def full_name(image: str) -> str:
    """Return the name that runtimes keep for what a person writes: with registry, and tag or digest.

    The rules are those of Docker's references: the first part is a registry if it looks like a host.
    """
    first, slash, _ = image.partition("/")
    if not slash or not (first == "localhost" or "." in first or ":" in first):
        image = f"docker.io/{image}" if slash else f"docker.io/library/{image}"
    has_tag = "@" in image or ":" in image.rpartition("/")[2]
    return image if has_tag else f"{image}:latest"


def _counted(count: int, of: int) -> str:
    return "the node that can be probed" if count == of == 1 else f"all {of} nodes that can be probed"
