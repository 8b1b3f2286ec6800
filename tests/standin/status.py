"""A pod's status as the kubelet writes it, in the order of conditions and fields that was recorded."""

from tests.standin.resources import Json
from tests.standin.store import now_text

_ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def set_condition(pod: Json, kind: str, *, met: bool, reason: str = "", message: str = "") -> None:
    """Set a condition; its time of change stays where it doesn't change."""
    conditions = pod["status"].setdefault("conditions", [])
    value = "True" if met else "False"
    old = next((each for each in conditions if each["type"] == kind), None)
    changed = old is None or old["status"] != value
    new: Json = {
        "type": kind,
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": now_text() if changed or old is None else old["lastTransitionTime"],
        **({"reason": reason} if reason else {}),
        **({"message": message} if message else {}),
    }
    kept = [each for each in conditions if each["type"] != kind]
    pod["status"]["conditions"] = sorted([*kept, new], key=lambda each: _ORDER.index(each["type"]))


def set_ready(pod: Json, *, ready: bool, reason: str = "ContainersNotReady") -> None:
    """Set the two conditions that tell of readiness."""
    names = " ".join(container["name"] for container in pod["spec"]["containers"])
    message = f"containers with unready status: [{names}]" if reason == "ContainersNotReady" else ""
    for kind in ("Ready", "ContainersReady"):
        set_condition(pod, kind, met=ready, reason="" if ready else reason, message="" if ready else message)


def set_containers(pod: Json, states: dict[str, Json], *, ready: bool = False) -> None:
    """Set each container's state, by its name."""
    pod["status"]["containerStatuses"] = [
        {
            "name": container["name"],
            "state": states[container["name"]],
            "lastState": {},
            "ready": ready,
            "restartCount": 0,
            "image": container["image"],
            "imageID": "",
            "started": "running" in states[container["name"]],
        }
        for container in pod["spec"]["containers"]
    ]


def has_ended(pod: Json) -> bool:
    return pod["status"]["phase"] in ("Succeeded", "Failed")


def is_ready(pod: Json) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
