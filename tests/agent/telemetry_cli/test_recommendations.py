"""What a person reads of the service's advice."""

import json

from tests.agent.daemon.parts import Place
from tests.agent.delivery.service import Handler, Seen, Service, accept

UNKNOWN = [{"rule": "idle-nodes", "reason": "no report has usage.cpu"}, {"rule": "skew", "reason": "too few days"}]


def abstaining(handler: Handler, seen: Seen) -> None:
    if seen.path == "/v1/collect":
        accept(handler, seen)
    else:
        handler.reply(200, json.dumps({"reason": "no rule can judge yet", "abstained": UNKNOWN}).encode())


def test_what_could_not_be_judged_has_a_line_each_and_briefly_one_for_all(place: Place, service: Service) -> None:
    service.otherwise = abstaining
    assert place.run("once").returncode == 0
    whole, brief = place.run("recommendations"), place.run("recommendations", "--brief")
    assert whole.stdout == brief.stdout == "Nothing is recommended: no rule can judge yet.\n"
    assert [line for line in whole.stderr.splitlines() if "Not judged" in line] == [
        "Not judged: idle-nodes: no report has usage.cpu",
        "Not judged: skew: too few days",
    ]
    (line,) = (line for line in brief.stderr.splitlines() if "Not judged" in line)
    assert "2" in line


def commanding(handler: Handler, seen: Seen) -> None:
    if seen.path == "/v1/collect":
        accept(handler, seen)
    else:
        advice = {"title": "Use \x1b[2Jless", "action": "resize\n\x1b]0;mine\x07now\u202e", "risk": "none"}
        handler.reply(200, json.dumps({"recommendations": [advice]}).encode())


def test_no_character_that_a_terminal_obeys_comes_from_the_service(place: Place, service: Service) -> None:
    service.otherwise = commanding
    assert place.run("once").returncode == 0
    shown = place.run("recommendations").stdout
    assert "Use \ufffd[2Jless" in shown
    assert "action: resize \ufffd]0;mine\ufffdnow\ufffd" in shown
    assert not set("\x1b\x07\u202e") & set(shown)
