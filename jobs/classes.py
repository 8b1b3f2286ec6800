"""Which storage classes are measured without being named. Pure."""

from jobs.objects import StorageClass

# A class without a provisioner binds volumes that somebody made by hand, and those belong to somebody.
NO_PROVISIONER = "kubernetes.io/no-provisioner"
# A volume of such a class outlives its claim: a run of ours would leave a disk behind, for which somebody pays.
RETAINS = "Retain"


def objection(storage_class: StorageClass) -> str | None:
    """Return why a class is left out unless it was named, in words that follow `it`; None where nothing is wrong."""
    if storage_class.provisioner == NO_PROVISIONER:
        return "has no provisioner: measure a volume of it with --claim"
    if storage_class.reclaim_policy == RETAINS:
        return "retains volumes, so that one would be left behind: it is measured where --storage-class names it"
    return None
