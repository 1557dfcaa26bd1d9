"""What covers and valves share: they open, close, stop, and stand somewhere between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.home.components.commands import Command, given, number_of
from edge_agent.home.components.options import Options
from edge_agent.home.components.ranges import Positions
from edge_agent.home.components.sources import NOTHING, Told, json_object, number
from edge_agent.home.entity import EntityAction, Parameter, Params, Publication, Value

STOPPED = "stopped"


def positions_of(options: Options) -> Positions:
    closed, opened = options.integer("position_closed", 0), options.integer("position_open", 100)
    if closed == opened:
        raise ValueError(f"`position_open` and `position_closed` are both {opened}; they must differ.")
    return Positions(closed, opened)


@dataclass
class Travel:
    """What an opening last said: a word of ours, or where it stands (percent open)."""

    positions: Positions
    words: Callable[[str], Value]
    has_word: bool  # a state topic of its own has the last word, its position then says nothing of the state
    state: Value = None
    position: int | None = None

    def read_state(self, text: str | None) -> Told:
        meaning = None if text is None else self.words(text)
        self.state = self._after_stop() if meaning == STOPPED else meaning
        return {"state": self.state}

    def read_position(self, text: str | None) -> Told:
        """A number, or an object that has one as `position` (Home Assistant core, mqtt/cover.py)."""
        if text is None:
            return {"position": None}
        stands = json_object(text).get("position") if text.startswith("{") else number(text)
        if stands is None:
            return NOTHING
        self.position = self.positions.percent(float(stands))
        if self.has_word:
            return {"position": self.position}
        self.state = self._by_position(self.position)
        return {"position": self.position, "state": self.state}

    def read_both(self, text: str | None) -> Told:
        """A word, a position, or an object with `state` and `position` (Home Assistant core, mqtt/valve.py)."""
        if text is None:
            return {"state": None}
        told: dict[str, Value] = {}
        if not text.startswith("{"):
            return self._either(text)
        both = json_object(text)
        if both.get("position") is not None:
            told.update(self.read_position(str(both["position"])))
        if both.get("state") is not None:
            told.update(self.read_state(str(both["state"])))
        return told

    def _either(self, text: str) -> Told:
        try:
            return self.read_state(text)
        except KeyError:
            return self.read_position(text)

    def _after_stop(self) -> Value:
        if self.position is not None:
            return self._by_position(self.position)
        return "closed" if self.state in ("closed", "closing") else "open"

    @staticmethod
    def _by_position(position: int) -> str:
        return "open" if position > 0 else "closed"


@dataclass(frozen=True)
class PositionCommand:
    """Tells an opening where to stand."""

    command: Command
    positions: Positions
    variables: dict[str, object]

    def publication(self, percent: float) -> Publication:
        value = self.positions.value(percent)
        return self.command.publication(value, position=round(percent), **self.variables)

    def action(self, name: str, percent: float) -> EntityAction:
        return EntityAction(name, {}, lambda entity, params: (self.publication(percent),))

    def setting(self) -> EntityAction:
        def publications(_: object, params: Params) -> tuple[Publication, ...]:
            return (self.publication(number_of(given(params, "position"))),)

        parameter = Parameter("number", 0, 100, self.positions.step)
        return EntityAction("set_position", {"position": parameter}, publications)


def position_command(options: Options, topic_key: str, template_key: str) -> PositionCommand | None:
    """The template sees `position` in percent, `value` on the device's scale, and the scale's ends."""
    command = options.command(topic_key, template_key)
    if command is None:
        return None
    positions = positions_of(options)
    variables: dict[str, object] = {
        "position_open": positions.opened,
        "position_closed": positions.closed,
        "tilt_min": options.integer("tilt_min", 0),
        "tilt_max": options.integer("tilt_max", 100),
    }
    return PositionCommand(command, positions, variables)
