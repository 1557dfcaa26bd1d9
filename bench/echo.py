"""`python -m bench.echo PORT`: the least that a Python program on a broker takes, in memory and in time.

It hears one topic and says the payload again on another, as an agent does with a command and its reply.
"""

from __future__ import annotations

import socket
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

ASKED, ANSWERED, READY = "bench/echo/asked", "bench/echo/answered", "bench/echo/ready"


def main() -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = _say_again
    client.on_subscribe = _say_ready
    client.connect("127.0.0.1", int(sys.argv[1]))
    set_nodelay(client)
    client.subscribe(ASKED, 1)
    client.loop_forever()


def _say_again(client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
    client.publish(ANSWERED, message.payload, 1)


def _say_ready(client: mqtt.Client, *details: object) -> None:
    client.publish(READY, b"", 1)


def set_nodelay(client: mqtt.Client) -> None:
    """Without it a small packet waits about 40 ms for the acknowledgement of the one before."""
    connected = client.socket()
    assert isinstance(connected, socket.socket)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


if __name__ == "__main__":
    main()
