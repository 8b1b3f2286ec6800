"""The API's errors as it words them: a Status with code and reason."""

from tests.standin.resources import Json, Resource


class Problem(Exception):
    """What the API answers instead of what was asked for."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: Json | None = None, headers: Json | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.headers: dict[str, str] = headers or {}
        self.status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({"details": details} if details else {}),
            "code": code,
        }


def _details(resource: Resource, name: str) -> Json:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> Problem:
    message = f'{resource.qualified} "{name}" not found'
    return Problem(404, "NotFound", message, details=_details(resource, name))


def already_exists(resource: Resource, name: str) -> Problem:
    message = f'{resource.qualified} "{name}" already exists'
    return Problem(409, "AlreadyExists", message, details=_details(resource, name))


def conflict(resource: Resource, name: str) -> Problem:
    message = (
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return Problem(409, "Conflict", message, details=_details(resource, name))


def expired(asked: int, current: int) -> Problem:
    return Problem(410, "Expired", f"too old resource version: {asked} ({current})")


def forbidden(resource: Resource, name: str, why: str, *, causes: list[Json] | None = None) -> Problem:
    details = _details(resource, name) | ({"causes": causes} if causes else {})
    return Problem(403, "Forbidden", f'{resource.qualified} "{name}" is forbidden: {why}', details=details)


def invalid(resource: Resource, name: str, field: str, why: str) -> Problem:
    details = _details(resource, name) | {"causes": [{"reason": "FieldValueRequired", "message": why, "field": field}]}
    return Problem(422, "Invalid", f'{resource.kind} "{name}" is invalid: {field}: {why}', details=details)


def throttled(wait_seconds: int) -> Problem:
    headers = {"Retry-After": str(wait_seconds)}
    message = "the server has received too many requests and has asked us to try again later"
    return Problem(429, "TooManyRequests", message, details={"retryAfterSeconds": wait_seconds}, headers=headers)
