"""What Pod Security's level `restricted` finds wrong with a pod, in the words recorded from a real server. Pure.

Checks and their order are those of the Pod Security Standards (v1.36); those of profiles that our pods can't touch
(AppArmor, SELinux, sysctls, /proc mounts) are left out.
"""

from collections.abc import Iterator

from tests.standin.resources import Json

_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"),
}


def violations(spec: Json, level: str) -> str:
    """Return the sentence that refuses the pod, empty where `level` admits it."""
    if level not in ("baseline", "restricted"):
        return ""
    found = list(_baseline(spec)) + (list(_restricted(spec)) if level == "restricted" else [])
    return f'violates PodSecurity "{level}:latest": {", ".join(found)}' if found else ""


def _baseline(spec: Json) -> Iterator[str]:
    hosts = [key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    if hosts:
        yield f"host namespaces ({', '.join(f'{key}=true' for key in hosts)})"
    if paths := [volume["name"] for volume in spec.get("volumes", ()) if "hostPath" in volume]:
        yield f"hostPath volumes ({_named('volume', paths)})"
    if names := _where(spec, lambda security: security.get("privileged")):
        yield f"privileged ({_named('container', names)} must not set securityContext.privileged=true)"


def _restricted(spec: Json) -> Iterator[str]:
    if names := _where(spec, lambda security: security.get("allowPrivilegeEscalation") is not False):
        yield (
            "allowPrivilegeEscalation != false "
            f"({_named('container', names)} must set securityContext.allowPrivilegeEscalation=false)"
        )
    if names := _where(spec, lambda security: "ALL" not in (security.get("capabilities") or {}).get("drop", ())):
        yield (
            "unrestricted capabilities "
            f'({_named("container", names)} must set securityContext.capabilities.drop=["ALL"])'
        )
    for volume in spec.get("volumes", ()):
        for kind in set(volume) - _VOLUMES - {"name", "hostPath"}:
            yield f'restricted volume types (volume "{volume["name"]}" uses restricted volume type "{kind}")'
    of_pod = spec.get("securityContext") or {}
    pod_non_root = of_pod.get("runAsNonRoot")
    if names := _where(spec, lambda security: not security.get("runAsNonRoot", pod_non_root)):
        yield (f"runAsNonRoot != true (pod or {_named('container', names)} must set securityContext.runAsNonRoot=true)")
    if of_pod.get("runAsUser") == 0 or _where(spec, lambda security: security.get("runAsUser") == 0):
        yield "runAsUser=0 (pod must not set runAsUser=0)"
    pod_profile = of_pod.get("seccompProfile") or {}
    if names := _where(spec, lambda security: not _is_confined(security.get("seccompProfile") or pod_profile)):
        yield (
            f"seccompProfile (pod or {_named('container', names)} must set "
            'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
        )


def _is_confined(profile: Json) -> bool:
    return profile.get("type") in ("RuntimeDefault", "Localhost")


def _where(spec: Json, is_wrong: object) -> list[str]:
    assert callable(is_wrong)
    containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
    return [each["name"] for each in containers if is_wrong(each.get("securityContext") or {})]


def _named(kind: str, names: list[str]) -> str:
    plural = "s" if len(names) > 1 else ""
    return f"{kind}{plural} " + ", ".join(f'"{name}"' for name in names)
