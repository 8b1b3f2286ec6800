from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from agent.daemon.window import in_window
from agent.errors import InvalidSettings
from agent.levels import DataType, Level
from agent.settings import flat_keys, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "config.yaml"
# The two configurations that were promised, word for word.
BASIC = """
telemetry:
  enabled: true
  privacy_level: "standard"
  reporting_interval_minutes: 60
  endpoint: "https://telemetry.corrective-drift.com/v1/collect"

consent:
  timestamp: "2024-01-01T00:00:00Z"
  version: "1.0"
  privacy_policy_url: "https://corrective-drift.com/privacy"
"""
ADVANCED = """
telemetry:
  # Data collection rules
  collection_rules:
    collect_cluster_info: true
    collect_resource_usage: true
    collect_workload_types: true
    collect_network_policies: false
    anonymize_data: true

  # Retention policy
  local_retention_days: 7

  # Batching configuration
  batch_size: 100
  flush_interval_seconds: 300

  # Retry configuration
  max_retries: 3
  retry_backoff_seconds: 30
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "config.yaml"
    path.write_text(text)
    return path


def mount(directory: Path, **flat: str) -> None:
    """What a kubelet makes of a ConfigMap: links into a directory of a generation."""
    generation = directory / "..2026_11_24"
    generation.mkdir()
    (directory / "..data").symlink_to(generation.name)
    for name, text in flat.items():
        (generation / name).write_text(text)
        (directory / name).symlink_to(Path("..data") / name)


def test_the_basic_configuration_is_read_as_it_stands(tmp_path: Path) -> None:
    settings = load(write(tmp_path, BASIC), {})
    telemetry, consent = settings.configuration.telemetry, settings.configuration.consent
    assert (telemetry.enabled, telemetry.privacy_level, telemetry.reporting_interval_minutes) == (True, "standard", 60)
    assert consent is not None
    assert consent.timestamp == datetime(2024, 1, 1, tzinfo=UTC)
    assert telemetry.service == "https://telemetry.corrective-drift.com"


def test_the_advanced_configuration_is_read_as_it_stands(tmp_path: Path) -> None:
    telemetry = load(write(tmp_path, ADVANCED), {}).configuration.telemetry
    assert telemetry.collection_rules.data_types == frozenset(DataType) - {DataType.NETWORK_POLICIES}
    assert (telemetry.local_retention_days, telemetry.batch_size, telemetry.max_retries) == (7, 100, 3)


def test_without_a_configuration_nothing_is_enabled() -> None:
    settings = load(None, {})
    assert not settings.configuration.telemetry.enabled
    assert settings.configuration.telemetry.privacy_level is Level.MINIMAL
    assert settings.configuration.consent is None


def test_flat_keys_of_a_mounted_configmap_win_over_the_file_beside_them(tmp_path: Path) -> None:
    path = write(tmp_path, BASIC)
    mount(tmp_path, enabled="false\n", privacy_level="minimal", collect_benchmarks="false")
    telemetry = load(path, {}).configuration.telemetry
    assert (telemetry.enabled, telemetry.privacy_level) == (False, Level.MINIMAL)
    assert DataType.BENCHMARKS not in telemetry.collection_rules.data_types


def test_files_beside_a_configuration_that_is_not_mounted_mean_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, BASIC)
    (tmp_path / "enabled").write_text("false")
    assert load(path, {}).configuration.telemetry.enabled


def test_the_environment_wins_over_all(tmp_path: Path) -> None:
    path = write(tmp_path, BASIC)
    mount(tmp_path, enabled="true", privacy_level="minimal")
    settings = load(path, {"TELEMETRY_PRIVACY_LEVEL": "detailed", "TELEMETRY_PROBES_STORAGE_CLASSES": "fast,slow"})
    assert settings.configuration.telemetry.privacy_level is Level.DETAILED
    assert settings.configuration.probes.storage_classes == ("fast", "slow")
    assert "TELEMETRY_PRIVACY_LEVEL" in settings.sources


def test_service_links_of_kubernetes_are_no_settings() -> None:
    load(None, {"TELEMETRY_AGENT_SERVICE_HOST": "10.0.0.1", "TELEMETRY_AGENT_PORT_8080_TCP": "tcp://10.0.0.1:8080"})


@pytest.mark.parametrize(
    "text",
    [
        "telemetry: {password: s3cret-word}",
        "telemetry: {endpoint: 'https://user:s3cret-word@example.org/v1/collect'}",
        "telemetry: {endpoint: 'ftp://user:s3cret-word@example.org'}",
        "telemetry: {endpoint: ['https://user:s3cret-word@example.org']}",
    ],
)
def test_no_mistake_repeats_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(write(tmp_path, text), {}).endpoint  # noqa: B018 - where addresses are checked
    assert "s3cret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("telemetry: {enabeld: true}", ["telemetry.enabeld in", "unknown key"]),
        ("telemetry: {privacy_level: everything}", ["'everything'", "minimal, standard, detailed"]),
        ("telemetry: {reporting_interval_minutes: 0}", ["telemetry.reporting_interval_minutes = 0", "1"]),
        ("telemetry: {collection_rules: {anonymize_data: false}}", ["only true"]),
        ("telemetry: {endpoint: 'http://example.org/v1/collect'}", ["use https"]),
        ("telemetry: {endpoint: 'https://u:p@example.org/v1/collect'}", ["no user or password"]),
        ("telemetry: {endpoint: 'https://example.org/'}", ["/v1/collect"]),
        ("telemetry: {listen: 'here'}", ["HOST:PORT"]),
        ("consent: {timestamp: '2024-01-01', version: '1.0', privacy_policy_url: 'https://a.b'}", ["timezone"]),
        ("probes: {window: '25:00-26:00'}", ["probes.window"]),
        ("telemetrie: {}", ["telemetrie", "unknown key"]),
        ("[1, 2]", ["telemetry, consent, probes"]),
        ("telemetry: {enabled: [", ["no YAML", "line 1"]),
    ],
)
def test_a_mistake_is_told_in_one_line_with_path_value_and_what_is_allowed(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InvalidSettings) as caught:
        load(path, {})
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in [*told, str(path)]), message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "telemetry: {enabled: perhaps, batch_size: 0}")
    with pytest.raises(InvalidSettings, match=r"enabled.*batch_size"):
        load(path, {})


def test_a_mistake_in_the_environment_is_told_with_the_variable() -> None:
    with pytest.raises(InvalidSettings, match="TELEMETRY_BATCH_SIZE"):
        load(None, {"TELEMETRY_BATCH_SIZE": "many"})
    with pytest.raises(InvalidSettings, match="TELEMETRY_BATCHSIZE in the environment is unknown"):
        load(None, {"TELEMETRY_BATCHSIZE": "1"})


def test_an_unknown_key_of_a_mounted_configmap_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, BASIC)
    mount(tmp_path, enable="true")
    with pytest.raises(InvalidSettings, match="enable is no key"):
        load(path, {})


def test_a_missing_unreadable_binary_or_huge_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for content in (None, b"\xff\xfe", b"#" * 2**21):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InvalidSettings) as caught:
            load(path, {})
        assert str(path) in str(caught.value)


def test_plain_http_is_for_this_very_machine_and_only_when_allowed(tmp_path: Path) -> None:
    loopback = "telemetry: {endpoint: 'http://127.0.0.1:9/v1/collect', allow_http_loopback: %s}"
    assert load(write(tmp_path, loopback % "true"), {}).configuration.telemetry.endpoint.startswith("http:")
    with pytest.raises(InvalidSettings):
        load(write(tmp_path, loopback % "false"), {})


def test_do_not_track_and_a_switch_in_the_environment_are_seen() -> None:
    assert load(None, {"DO_NOT_TRACK": "1"}).environment.do_not_track
    assert not load(None, {"DO_NOT_TRACK": "0"}).environment.do_not_track
    assert load(None, {"TELEMETRY_ENABLED": "false"}).environment.switched_off
    assert not load(None, {"TELEMETRY_ENABLED": "true"}).environment.switched_off


def test_proxies_are_read_in_either_case() -> None:
    environment = load(None, {"https_proxy": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8, .local"}).environment
    assert (environment.proxy, environment.no_proxy) == ("http://proxy:3128", ("10.0.0.0/8", ".local"))


def test_every_flat_name_stands_for_one_key() -> None:
    paths = list(flat_keys().values())
    assert len(paths) == len(set(paths))


def test_the_example_holds_every_key_with_its_default_and_is_valid() -> None:
    text = EXAMPLE.read_text()
    load(EXAMPLE, {})
    # Optional keys stand there as comments, so that the file can be used as it is.
    bare = "\n".join(line.replace("# ", "", 1) if line.strip().startswith("# ") else line for line in text.splitlines())
    missing = [name for name, path in flat_keys().items() if f"{path[-1]}:" not in bare]
    assert not missing
    assert yaml.safe_load(text)["telemetry"]["endpoint"] == "https://telemetry.corrective-drift.com/v1/collect"


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [("08:00-09:30", "09:29", "09:30"), ("22:00-05:00", "23:59", "05:00"), ("22:00-05:00", "00:00", "21:59")],
)
def test_a_window_of_the_day_may_go_over_midnight(window: str, inside: str, outside: str) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-24T{text}:00+00:00")

    assert in_window(window, at(inside))
    assert not in_window(window, at(outside))
    assert in_window(window, at(inside).astimezone(timezone(timedelta(hours=7))))
    assert in_window(None, at(outside))
