"""Covers and valves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.home.components.building import built, hear, payloads, published, shown

POSITIONED = {"set_position_topic": "pos/set", "position_topic": "pos/state"}


def test_a_null_payload_takes_the_action_away() -> None:
    assert set(built("cover").actions) == {"open", "close", "stop"}
    assert set(built("cover", payload_stop=None).actions) == {"open", "close"}
    assert set(built("valve").actions) == {"open", "close"}
    assert set(built("valve", payload_stop="HALT").actions) == {"open", "close", "stop"}


@pytest.mark.parametrize(
    ("config", "percent", "expected"),
    [
        ({}, 30, "30"),
        ({"position_open": 0, "position_closed": 100}, 30, "70"),
        ({"position_open": 255}, 50, "128"),
        (
            {"set_position_template": "{{ position }}/{{ value }}/{{ position_open }}", "position_open": 10},
            50,
            "50/5/10",
        ),
    ],
)
def test_a_position_is_on_the_devices_scale(config: dict[str, Any], percent: int, expected: str) -> None:
    assert published(built("cover", **POSITIONED, **config), "set_position", position=percent) == [
        ("pos/set", expected)
    ]


@pytest.mark.parametrize(
    ("config", "payload", "position"),
    [
        ({}, "30", 30),
        ({}, '{"position": 30, "tilt_position": 5}', 30),
        ({"position_open": 0, "position_closed": 100}, "70", 30),
        ({"position_open": 255}, "300", 100),
        ({"position_template": "{{ value_json.lift }}"}, '{"lift": 12.6}', 13),
    ],
)
def test_a_position_is_read_from_the_devices_scale(config: dict[str, Any], payload: str, position: int) -> None:
    cover = hear(built("cover", **POSITIONED, **config), payload, "pos/state")
    assert cover.attributes == {"position": position}


def test_the_position_tells_the_state_where_nothing_else_does() -> None:
    cover = built("cover", state_topic=None, **POSITIONED)
    assert shown(hear(cover, "0", "pos/state")) == {"state": "closed", "position": 0}
    assert shown(hear(cover, "1", "pos/state")) == {"state": "open", "position": 1}
    assert not cover.assumed


@pytest.mark.parametrize(
    ("messages", "state"),
    [
        ([("pos/state", "0"), ("device/state", "stopped")], "closed"),
        ([("pos/state", "40"), ("device/state", "stopped")], "open"),
        ([("device/state", "closing"), ("device/state", "stopped")], "closed"),
        ([("device/state", "opening"), ("device/state", "stopped")], "open"),
        ([("device/state", "opening")], "opening"),
        ([("device/state", "open"), ("device/state", "mystery")], "open"),
        ([("device/state", "open"), ("device/state", "None")], None),
    ],
)
def test_the_state_follows_the_devices_words(messages: list[tuple[str, str]], state: str | None) -> None:
    cover = built("cover", **POSITIONED)
    for topic, payload in messages:
        hear(cover, payload, topic)
    assert cover.state == state


def test_a_cover_that_only_takes_positions_is_opened_by_them() -> None:
    cover = built("cover", command_topic=None, **POSITIONED)
    assert published(cover, "open") == [("pos/set", "100")]
    assert published(cover, "close") == [("pos/set", "0")]
    assert "stop" not in cover.actions


def test_a_valve_that_reports_its_position_is_told_positions() -> None:
    valve = built("valve", reports_position=True, position_open=10)
    assert [payloads(valve, action) for action in ("open", "close")] == [["10"], ["0"]]
    assert payloads(valve, "set_position", position=50) == ["5"]
    assert shown(hear(valve, "5")) == {"state": "open", "position": 50}
    assert shown(hear(valve, '{"state": "closing", "position": 2}')) == {"state": "closing", "position": 20}


def test_a_valve_that_does_not_is_told_words() -> None:
    valve = built("valve", state_open="auf", payload_open="AUF")
    assert payloads(valve, "open") == ["AUF"]
    assert hear(valve, "auf").state == "open"
    assert hear(valve, '{"state": "closed"}').state == "closed"


def test_a_scale_without_length_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="must differ"):
        built("cover", position_open=5, position_closed=5)
