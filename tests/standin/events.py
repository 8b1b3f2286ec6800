"""Events, as components of a cluster tell them."""

from datetime import UTC, datetime

from tests.standin.resources import EVENTS, Json
from tests.standin.store import Store, now_text, random_suffix


def tell(store: Store, about: Json, reason: str, note: str, *, component: str, warning: bool = False) -> None:
    """Record an event about an object. The scheduler's have microseconds, those of others seconds, as recorded."""
    meta = about["metadata"]
    scheduler = component == "default-scheduler"
    event: Json = {
        "metadata": {"name": f"{meta['name']}.{random_suffix(16)}", "namespace": meta.get("namespace", "default")},
        "reason": reason,
        "note": note,
        "type": "Warning" if warning else "Normal",
        "regarding": {
            "kind": about["kind"],
            "namespace": meta.get("namespace", ""),
            "name": meta["name"],
            "uid": meta["uid"],
        },
        "reportingController": component,
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if scheduler else None,
    }
    if not scheduler:
        event["deprecatedFirstTimestamp"] = now_text()
    store.create(EVENTS, event)
