"""What holds for every page: which headers it has, and whose forms are taken. Pure but for the ASGI around it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corrective_drift.problems import Code, Problem

COOKIE = "__Host-session"
"""By its name a browser takes it only from a secure origin, for this host alone (RFC 6265bis, 4.1.3.2)."""
FORM_WORD = "form"
"""The hidden field of each form of a session."""
MOST_FORM_BYTES = 4096
_MOST_FIELDS = 8
# No script, no frame, nothing of another host, no style but the sheet: what slipped through escaping would be inert.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # `no-referrer` would take the Origin from forms too.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Headers:
    """Gives every answer the headers above, and keeps caches from pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with them."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse a form that another site makes a browser send. Raises Problem.

    Browsers say where a form comes from (Fetch Metadata, RFC 6454); one without any of it is no browser of today, and
    has no session to be misused.
    """
    site, origin = headers.get("sec-fetch-site", "same-origin"), headers.get("origin")
    same = origin is None or origin.partition("://")[2] == headers.get("host")
    if site not in {"same-origin", "none"} or not same:
        raise Problem(Code.FORBIDDEN, "the form came from another site")


def form_of(body: bytes, media_type: str) -> dict[str, str]:
    """Return the fields of a form, the first of each name. Raises Problem for what is none."""
    if media_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Problem(Code.MEDIA_TYPE, "a form is application/x-www-form-urlencoded")
    try:
        fields = parse_qsl(body.decode("ascii"), max_num_fields=_MOST_FIELDS, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Problem(Code.MALFORMED, "the form can't be read") from error
    return dict(reversed(fields))
