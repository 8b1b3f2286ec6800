"""A kubectl that keeps one ConfigMap in a file, and notes how it was called; stands on the PATH of a script's tests.

Takes what scripts/toggle-telemetry.sh asks, and fails on anything else.
"""

import json
import os
import sys
from pathlib import Path

STATE = Path(os.environ["FAKE_STATE"])


def main(arguments: list[str]) -> int:
    state = json.loads(STATE.read_text())
    words = [*arguments]
    # The ones that stand before the verb.
    while words[0] in {"--context", "--namespace"}:
        state.setdefault("options", {})[words[0]] = words[1]
        del words[:2]
    state["calls"].append(" ".join(words))
    code, text = answer(words, state)
    STATE.write_text(json.dumps(state))
    print(text, end="", file=sys.stderr if code else sys.stdout)
    return code


def answer(words: list[str], state: dict[str, object]) -> tuple[int, str]:  # noqa: C901, PLR0911  a table of answers
    data = state["data"]
    if data is None:
        return 1, "The connection to the server was refused"
    assert isinstance(data, dict)
    match words:
        case ["get", "configmap", "telemetry-config", "--output", "name"]:
            return 0, "configmap/telemetry-config"
        case ["get", "configmap", "telemetry-config", "--output", path]:
            return 0, data.get(path.removeprefix("jsonpath={.data.").removesuffix("}"), "")
        case ["patch", "configmap", "telemetry-config", "--type", "merge", "--patch", patch]:
            data |= json.loads(patch)["data"]
            return 0, "patched\n"
        case ["exec", "deployment/telemetry-agent", "--container", "telemetry-agent", "--", "telemetry-agent", *rest]:
            if not state["runs"]:
                return 1, "no pod\n"
            return 0, '{\n  "schema_digest": "%s",\n' % ("ab" * 32) if rest[0] == "fields" else "Working.\n"
        case ["exec", "deployment/telemetry-agent", "--container", "telemetry-agent", "--", "curl", *_]:
            return (0, f"{state['standing']}\n") if state["runs"] else (1, "no pod\n")
        case ["rollout", "status", *_]:
            return (0, "") if state["runs"] else (1, "timed out\n")
        case ["apply", "--filename", "-"]:
            state["applied"] = sys.stdin.read()
            return 0, "applied\n"
        case ["rollout", "restart", "deployment/telemetry-agent"]:
            state["standing"] = state.get("after_restart", state["standing"])
            return 0, ""
        case ["delete", *_]:
            return 0, ""
        case _:
            return 1, f"not known here: {words}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
