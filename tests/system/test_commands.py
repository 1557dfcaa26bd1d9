"""Commands in, one reply each: through mosquitto, with the small model."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_agent.commands.refusals import PAUSE_S
from tests.real_parts import Mosquitto, Person, wait_until


def test_plain_text_gets_its_reply(person: Person) -> None:
    person.publish("command", "hello")
    reply = person.hear(lambda m: m.topic == f"{person.root}/reply", "a reply").json()
    assert reply["status"] == "ok"
    assert reply["text"].strip()
    assert reply["id"]


def test_a_reply_tells_what_the_contract_says(person: Person) -> None:
    reply = person.ask("What is tea?", session="kitchen", max_tokens=12)
    assert reply["handled_by"] == "llm"
    assert reply["session"] == "kitchen"
    assert reply["model"].startswith("SmolLM2-135M-Instruct")
    assert reply["finish_reason"] in ("stop", "length")
    assert reply["usage"]["completion_tokens"] <= 12
    assert 0 <= reply["timing_ms"]["queued"] <= reply["timing_ms"]["first_token"] <= reply["timing_ms"]["total"]
    assert "error" not in reply
    assert "expects_answer" not in reply


def test_the_reply_to_an_origin_goes_to_its_topic(person: Person) -> None:
    request = person.command(origin="bath room", max_tokens=5)
    reply = person.reply(request, f"{person.root}/reply/bath room")
    assert reply["session"] == "bath room"


def test_chunks_add_up_to_the_text(person: Person) -> None:
    reply = person.ask("Describe the sea.", stream=True, max_tokens=60)
    wait_until(lambda: any(chunk["done"] for chunk in person.chunks(reply["id"])), "the last chunk")
    chunks = person.chunks(reply["id"])
    assert len(chunks) > 5
    assert "".join(chunk["text"] for chunk in chunks) == reply["text"]
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert [chunk["done"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_the_same_seed_says_the_same(person: Person) -> None:
    """For some tokens: in a longer text some choice is so close that rounding decides it."""
    wishes = {"temperature": 1.0, "max_tokens": 6}
    first, second, *others = (person.ask("Tell me a story.", seed=seed, **wishes)["text"] for seed in (7, 7, 8, 9, 10))
    assert first == second
    assert {first} != set(others)


@pytest.mark.parametrize(
    "schema",
    [
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name", "age"],
            "additionalProperties": False,
        },
        {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 2, "maxItems": 4},
        {"enum": ["yes", "no"]},
    ],
)
def test_a_schema_is_kept(person: Person, schema: dict[str, Any]) -> None:
    reply = person.ask("Describe a cat called Tom who is five.", schema=schema, max_tokens=80)
    assert reply["status"] == "ok"
    jsonschema.validate(json.loads(reply["text"]), schema)


def test_a_schema_that_nothing_can_be_made_of_is_refused(person: Person) -> None:
    reply = person.ask(schema={"type": "no such type"})
    assert reply["error"]["code"] == "invalid_request"


def test_a_session_is_remembered_and_no_session_is_not(person: Person) -> None:
    person.ask("My name is Zebedee. What is my name?", session="s1", max_tokens=16)
    with_memory = person.ask("And now?", session="s1", max_tokens=4)
    without = person.ask("And now?", max_tokens=4)
    other = person.ask("And now?", session="s2", max_tokens=4)
    assert with_memory["usage"]["prompt_tokens"] > without["usage"]["prompt_tokens"]
    assert other["usage"]["prompt_tokens"] == without["usage"]["prompt_tokens"]


def test_a_cancel_ends_a_running_answer_within_a_second(person: Person) -> None:
    request = person.long_command()
    person.first_chunk(request)
    began_s = time.monotonic()
    person.publish("cancel", request)
    reply = person.reply(request)
    assert time.monotonic() - began_s < 1
    assert reply["error"]["code"] == "cancelled"
    assert person.ask(max_tokens=4)["status"] == "ok"


def test_a_cancel_of_everything_reaches_what_waits(person: Person) -> None:
    requests = [person.long_command() for _ in range(3)]
    person.first_chunk(requests[0])
    person.publish("cancel", "*")
    assert {person.reply(request)["error"]["code"] for request in requests} == {"cancelled"}


def test_a_cancel_of_nobody_knows_what_changes_nothing(person: Person) -> None:
    request = person.command(max_tokens=8)
    person.publish("cancel", "somebody-else")
    assert person.reply(request)["status"] == "ok"


@pytest.mark.parametrize("payload", ["", "not an id!", b"\xff\xfe", "x" * 100_000])
def test_a_cancel_that_is_no_id_is_refused(person: Person, payload: str | bytes) -> None:
    person.publish("cancel", payload)
    assert person.reply(None)["error"]["code"] == "invalid_request"


def test_the_time_given_is_kept_while_generating(person: Person) -> None:
    reply = person.reply(person.long_command(timeout_s=0.5))
    assert reply["error"]["code"] == "timeout"
    assert reply["timing_ms"]["total"] < 1500


def test_a_command_that_expires_while_it_waits_is_told_so(one_at_a_time: Person) -> None:
    running = one_at_a_time.long_command()
    one_at_a_time.first_chunk(running)
    one_at_a_time.publish("command", {"id": "late", "text": "hello"}, MessageExpiryInterval=1)
    reply = one_at_a_time.reply("late")
    assert reply["error"]["code"] == "expired"
    one_at_a_time.publish("cancel", running)
    one_at_a_time.reply(running)


def test_a_full_queue_says_busy_at_once(one_at_a_time: Person) -> None:
    requests = [one_at_a_time.long_command()]
    one_at_a_time.first_chunk(requests[0])
    requests += [one_at_a_time.command() for _ in range(3)]  # as many as may wait
    assert one_at_a_time.ask()["error"]["code"] == "busy"
    one_at_a_time.publish("cancel", "*")
    assert {one_at_a_time.reply(request)["error"]["code"] for request in requests} == {"cancelled"}


def test_who_asks_again_and_again_is_refused_with_pauses(one_at_a_time: Person) -> None:
    requests = [one_at_a_time.long_command()]
    one_at_a_time.first_chunk(requests[0])
    requests += [one_at_a_time.command() for _ in range(3)]  # as many as may wait
    began_s = time.monotonic()
    refused = [one_at_a_time.command() for _ in range(20)]
    assert {one_at_a_time.reply(request)["error"]["code"] for request in refused} == {"busy"}
    assert time.monotonic() - began_s >= 19 * PAUSE_S
    one_at_a_time.publish("cancel", "*")
    assert {one_at_a_time.reply(request)["error"]["code"] for request in requests} == {"cancelled"}


def test_a_repeat_gets_the_same_reply_and_no_second_answer(person: Person) -> None:
    first = person.ask("Tell me a joke.", id="twice", temperature=1.5, max_tokens=20)
    person.command("Something else entirely.", id="twice")
    wait_until(lambda: len(person.replies("twice")) == 2, "the second reply")
    assert person.replies("twice") == [first, first]


def test_a_repeat_while_it_is_answered_waits_for_the_same_reply(person: Person) -> None:
    request = person.command("Describe a wood.", id="eager", stream=True, max_tokens=60)
    person.first_chunk(request)
    person.command("Describe a wood.", id="eager")
    wait_until(lambda: len(person.replies("eager")) == 2, "both replies")
    first, second = person.replies("eager")
    assert first == second
    assert first["status"] == "ok"


def test_the_same_id_on_another_topic_is_another_command(person: Person) -> None:
    person.ask(id="shared", max_tokens=4)
    person.command(id="shared", origin="attic", max_tokens=4)
    assert person.reply("shared", f"{person.root}/reply/attic")["status"] == "ok"


def test_home_mode_never_chats(person: Person) -> None:
    assert person.ask("Tell me a joke.", mode="home")["error"]["code"] == "not_understood"


def test_ceilings_hold(person: Person) -> None:
    reply = person.ask("Say hi.", max_tokens=1_000_000, temperature=50, timeout_s=1e9, stop=["\n", "."])
    assert reply["status"] == "ok"


@pytest.mark.parametrize(
    ("payload", "code", "request_id"),
    [
        (b"\xff\xfe\xfd", "invalid_request", None),
        (b"", "invalid_request", None),
        (b"   ", "invalid_request", None),
        (b"{", "invalid_request", None),
        (b'{"text": "hi"', "invalid_request", None),
        (b"{" * 50_000, "invalid_request", None),
        (b'{"text": "\\ud800"}', "invalid_request", None),
        ({}, "invalid_request", None),
        ({"id": "g1"}, "invalid_request", "g1"),
        ({"id": "g2", "text": ""}, "invalid_request", "g2"),
        ({"id": "g3", "text": 5}, "invalid_request", "g3"),
        ({"id": "g4", "text": "hi", "stream": "yes"}, "invalid_request", "g4"),
        ({"id": "g5", "text": "hi", "max_tokens": -1}, "invalid_request", "g5"),
        ({"id": "g6", "text": "hi", "mode": "war"}, "invalid_request", "g6"),
        ({"id": "g7", "text": "hi", "temperature": "hot"}, "invalid_request", "g7"),
        ({"id": "g8", "text": "hi", "language": "not a tag"}, "invalid_request", "g8"),
        ({"id": "g9", "text": "hi", "timeout_s": 0}, "invalid_request", "g9"),
        ({"id": "g10", "text": "hi", "schema": "no"}, "invalid_request", "g10"),
        (b'{"id": "g11", "text": "hi", "temperature": NaN}', "invalid_request", "g11"),
        ({"id": "not an id", "text": "hi"}, "invalid_request", None),
        ({"id": 7, "text": "hi"}, "invalid_request", None),
        ({"id": "g12", "text": "x" * 4001}, "too_large", "g12"),
        (b"x" * 10_000_000, "too_large", None),
        (b'{"id": "g13", "text": "' + b"x" * 10_000_000 + b'"}', "too_large", "g13"),
    ],
)
def test_garbage_is_answered_with_what_to_do(person: Person, payload: Any, code: str, request_id: str | None) -> None:
    person.publish("command", payload)
    reply = person.reply(request_id)
    assert reply["status"] == "error"
    assert reply["error"]["code"] == code
    assert reply["text"] == reply["error"]["message"]
    assert "actions" not in reply


def test_unknown_fields_are_ignored(person: Person) -> None:
    assert person.ask(max_tokens=4, colour="mauve", nested={"a": [1]})["status"] == "ok"


def test_a_retained_command_is_refused(person: Person) -> None:
    person.publish("command/hall", {"id": "old", "text": "hello"}, retain=True)
    reply = person.reply("old", f"{person.root}/reply/hall")
    person.publish("command/hall", "", retain=True)
    assert reply["error"]["code"] == "invalid_request"


def test_a_reply_goes_to_the_response_topic_with_its_correlation_data(person: Person) -> None:
    person.publish(
        "command", {"id": "r1", "text": "hello", "max_tokens": 4}, ResponseTopic="my/place", CorrelationData=b"\x00\x01"
    )
    copy = person.hear(lambda message: message.topic == "my/place", "the copy")
    assert copy.properties.CorrelationData == b"\x00\x01"
    assert copy.json() == person.reply("r1", f"{person.root}/reply")
    assert copy.json()["status"] == "ok"


@pytest.mark.parametrize(
    "hostile",
    [
        "$SYS/broker/x",
        "homeassistant/light/x/config",
        "homeassistant/status",
        "edge-agent/other/command",
        "edge-agent/other/command/room",
        "edge-agent/other/cancel",
        "edge-agent/group/all/command",
        "edge-agent/devices/light.x/config",
    ],
)
def test_a_hostile_response_topic_is_refused(person: Person, hostile: str) -> None:
    person.publish("command", {"id": "evil", "text": "hello"}, ResponseTopic=hostile)
    reply = person.reply("evil")
    assert reply["error"]["code"] == "invalid_request"
    assert not person.all(hostile)


def test_words_of_people_are_not_logged(person: Person, mosquitto: Mosquitto, agent: Any) -> None:
    person.ask("The secret word is xylophone-quartz.", session="xylophone-session", max_tokens=8)
    person.publish("command", '{"text": "xylophone-broken"')
    person.reply(None)
    log = Path(agent.log).read_text()
    assert "answered" in log
    assert "xylophone" not in log
