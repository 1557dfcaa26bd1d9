from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.broker import Topics
from edge_agent.cli.asking import Asking, Question
from edge_agent.cli.client import BrokerClient
from edge_agent.cli.embedded_broker import EmbeddedBroker
from edge_agent.errors import TimedOut
from edge_agent.settings import MqttSettings

from .conftest import Answer, Peer, Program

MakePeer = Callable[[Answer], Peer]


def answers(peer: Peer, command: dict[str, object]) -> None:
    peer.chunk(command, 0, "Tea is ")
    peer.chunk(command, 1, "a leaf.")
    peer.chunk(command, 2, "", done=True)
    peer.reply(command, "Tea is a leaf.")


def fails(peer: Peer, command: dict[str, object]) -> None:
    error = {"code": "busy", "message": "50 commands wait already. Ask again in a minute."}
    peer.reply(command, error["message"], status="error", error=error)


def test_the_answer_of_the_agent_is_printed_once(on_broker: Program, peer: MakePeer) -> None:
    with peer(answers) as agent:
        ran = on_broker(
            "ask", "What is tea?", "--agent", agent.id, "--session", "s", "--area", "Kitchen", "--mode", "chat"
        )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Tea is a leaf.\n", "")
    (command,) = agent.commands
    assert {name: command[name] for name in ("text", "session", "area", "mode", "stream")} == {
        "text": "What is tea?",
        "session": "s",
        "area": "Kitchen",
        "mode": "chat",
        "stream": True,
    }
    assert command["response_topic"] == f"edge-agent/{agent.id}/reply/ask-{command['id']}"
    assert command["correlation_data"] == str(command["id"]).encode()


def test_what_a_lost_chunk_would_have_brought_comes_from_the_reply(on_broker: Program, peer: MakePeer) -> None:
    def loses_one(peer: Peer, command: dict[str, object]) -> None:
        peer.chunk(command, 0, "Tea is ")
        peer.chunk(command, 2, "leaf.")
        peer.reply(command, "Tea is a leaf.")

    with peer(loses_one) as agent:
        assert on_broker("ask", "What is tea?", "--agent", agent.id).stdout == "Tea is a leaf.\n"


def test_control_characters_of_an_answer_do_not_reach_the_terminal(on_broker: Program, peer: MakePeer) -> None:
    with peer(lambda peer, command: peer.reply(command, "red\x1b[31m\x07\nend")) as agent:
        assert on_broker("ask", "x", "--agent", agent.id).stdout == "red [31m \nend\n"


def test_a_failed_command_is_told_on_stderr_with_exit_status_1(on_broker: Program, peer: MakePeer) -> None:
    with peer(fails) as agent:
        ran = on_broker("ask", "What is tea?", "--agent", agent.id)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "50 commands wait already. Ask again in a minute.\n"


def test_json_prints_the_whole_reply(on_broker: Program, peer: MakePeer) -> None:
    with peer(answers) as agent:
        ran = on_broker("ask", "What is tea?", "--agent", agent.id, "--json")
    assert json.loads(ran.stdout)["text"] == "Tea is a leaf."


def test_text_comes_from_standard_input_and_a_schema_from_its_file(
    on_broker: Program, peer: MakePeer, tmp_path: Path
) -> None:
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    with peer(answers) as agent:
        on_broker("ask", "-", "--agent", agent.id, "--schema", str(tmp_path / "schema.json"), text="What\nis tea?\n")
    assert agent.commands[0]["text"] == "What\nis tea?"
    assert agent.commands[0]["schema"] == {"type": "object"}


def test_an_agent_that_is_offline_or_was_never_there_is_said_so(on_broker: Program, peer: MakePeer) -> None:
    with peer(answers) as agent:
        agent.say("availability", b"offline", retain=True)
        ran = on_broker("ask", "hello", "--agent", agent.id)
        assert (ran.returncode, f"The agent {agent.id} is offline" in ran.stderr) == (1, True)
    ran = on_broker("ask", "hello", "--agent", "nobody")
    assert (ran.returncode, "No agent nobody has been on this broker" in ran.stderr) == (1, True)


def test_a_broker_that_is_not_there_is_said_so(program: Program) -> None:
    ran = program("ask", "hello", "--set", "mqtt.port=1")
    assert (ran.returncode, "No connection to the broker at 127.0.0.1:1" in ran.stderr) == (1, True)


def test_an_answer_that_does_not_come_is_given_up(peer: MakePeer) -> None:
    with peer(lambda *_: None) as agent, BrokerClient(MqttSettings(port=agent.port)) as client:
        asking = Asking(client, Topics("edge-agent", agent.id, "homeassistant"), Question("hello"))
        asking.publish()
        with pytest.raises(TimedOut, match="No answer within 0 s"):
            asking.reply(0.1, on_text=lambda _text: None, on_gone=lambda: None)


def test_ctrl_c_cancels_the_command(on_broker: Program, peer: MakePeer) -> None:
    with peer(lambda peer, command: peer.chunk(command, 0, "Once ")) as agent:
        process = on_broker.start("ask", "Tell a story.", "--agent", agent.id)
        assert process.stdout.read(5) == "Once "
        process.send_signal(signal.SIGINT)
        assert agent.cancelled.wait(10)
        agent.reply(
            agent.commands[0], "Cancelled.", status="error", error={"code": "cancelled", "message": "Cancelled."}
        )
        assert process.wait(10) == 130


def test_a_broker_that_speaks_only_3_1_1_is_asked_too(program: Program) -> None:
    with EmbeddedBroker() as broker:
        settings = MqttSettings(port=broker.port)
        with BrokerClient(settings) as agent:
            agent.subscribe("edge-agent/old/command")
            process = program.start("ask", "hello", "--agent", "old", "--set", f"mqtt.port={broker.port}")
            command = None
            while command is None:  # not retained: said again until the program has looked
                agent.publish("edge-agent/old/availability", b"online")
                command = agent.receive(0.1)
            reply = {"id": json.loads(command.payload)["id"], "status": "ok", "text": "Hello."}
            agent.publish("edge-agent/old/reply", json.dumps(reply).encode())
            assert process.communicate(timeout=20)[0] == "Hello.\n"
