"""The service as the configuration names it. The API key comes from a file of its own, and is never logged."""

from pathlib import Path

from agent.delivery.endpoint import Endpoint
from agent.errors import InvalidSettings
from agent.privacy.keys import Keys
from agent.settings import Settings


def endpoint_of(settings: Settings, keys: Keys) -> Endpoint:
    """Return where telemetry goes, and by what it is authorized. Raises InvalidSettings."""
    telemetry, environment = settings.configuration.telemetry, settings.environment
    return Endpoint(
        service=telemetry.service,
        ca_bundle=telemetry.ca_bundle,
        proxy=environment.proxy,
        no_proxy=environment.no_proxy,
        allow_http_loopback=telemetry.allow_http_loopback,
        token=keys.token,
        api_key=None if telemetry.api_key_file is None else _secret(telemetry.api_key_file),
    )


def _secret(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"can't read the API key in {path}: see telemetry.api_key_file") from error
    if not text.isprintable() or not text:
        raise InvalidSettings(f"{path} holds no API key: one line of text, see telemetry.api_key_file")
    return text
