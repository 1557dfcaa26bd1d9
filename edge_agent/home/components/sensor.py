"""What is only read: sensors, binary sensors, events, device trackers."""

from __future__ import annotations

from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, Told, json_object, plain, words
from edge_agent.home.entity import Lapse, Value


def sensor(options: Options) -> Parts:
    sources = Sources(options)
    sources.attribute("state", "state_topic", "value_template", plain)
    unit = options.nullable_text("unit_of_measurement")
    return Parts(_required(sources), unit=unit, lapses=_lapses(options, "expire_after", "unavailable"))


def binary_sensor(options: Options) -> Parts:
    sources = Sources(options)
    meaning = words((options.text("payload_on", "ON"), "on"), (options.text("payload_off", "OFF"), "off"))
    sources.attribute("state", "state_topic", "value_template", meaning)
    expires = _lapses(options, "expire_after", "unavailable")
    return Parts(_required(sources), lapses=(*_lapses(options, "off_delay", "off", of="on"), *expires))


def event(options: Options) -> Parts:
    """Its state is the type of the last event, which comes as `{"event_type": "double_press"}`."""
    sources = Sources(options)

    def read(text: str | None) -> Told:
        return {} if text is None else {"state": plain(str(json_object(text)["event_type"]))}

    sources.add("state_topic", "value_template", read, "state")
    return Parts(_required(sources))


def device_tracker(options: Options) -> Parts:
    """`home`, `not_home`, or the name of another place; `payload_reset` makes it unknown."""
    home = options.text("payload_home", "home")
    away = options.text("payload_not_home", "not_home")
    reset = options.text("payload_reset", "None")
    meaning: dict[str, Value] = {home: "home", away: "not_home", reset: None}
    sources = Sources(options)
    sources.attribute("state", "state_topic", "value_template", lambda text: meaning.get(text, plain(text)))
    return Parts(_required(sources))


def _lapses(options: Options, key: str, state: str, *, of: str | None = None) -> tuple[Lapse, ...]:
    """Of seconds in the configuration; 0 is the same as none."""
    after_s = options.number(key, 0)
    if after_s < 0:
        raise ValueError(f"`{key}` is {after_s:g}; it must be 0 or more seconds.")
    return (Lapse(after_s, state, of),) if after_s else ()


def _required(sources: Sources) -> Sources:
    if not sources.tells:
        raise ValueError("`state_topic` is missing: there is nothing to read.")
    return sources
