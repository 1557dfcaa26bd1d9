"""The topics of the contract, and which of them nobody may make us publish to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topics:
    """All topics of one agent: `<base>/<agent>/…`, and Home Assistant's discovery prefix."""

    base: str
    agent: str
    discovery_prefix: str

    @property
    def root(self) -> str:
        return f"{self.base}/{self.agent}"

    @property
    def command(self) -> str:
        return f"{self.root}/command"

    @property
    def command_filters(self) -> tuple[str, str]:
        return self.command, f"{self.command}/+"

    @property
    def cancel(self) -> str:
        return f"{self.root}/cancel"

    @property
    def restart_worker(self) -> str:
        """Not part of the contract: the command topic of our own restart button in Home Assistant."""
        return f"{self.root}/worker/restart"

    @property
    def availability(self) -> str:
        return f"{self.root}/availability"

    @property
    def status(self) -> str:
        return f"{self.root}/status"

    @property
    def telemetry(self) -> str:
        return f"{self.root}/telemetry"

    @property
    def event(self) -> str:
        return f"{self.root}/event"

    @property
    def home_assistant_status(self) -> str:
        """Home Assistant says `online` here when it has started."""
        return f"{self.discovery_prefix}/status"

    def reply(self, origin: str | None) -> str:
        return f"{self.root}/reply" + (f"/{origin}" if origin else "")

    def stream(self, request_id: str) -> str:
        return f"{self.root}/stream/{request_id}"

    def discovery(self, component: str, object_id: str) -> str:
        return f"{self.discovery_prefix}/{component}/{object_id}/config"

    def origin(self, command_topic: str) -> str | None:
        """The `<origin>` of a command topic; None where it has none."""
        return command_topic.removeprefix(f"{self.command}/") if command_topic != self.command else None

    def refuses_response(self, topic: str) -> str | None:
        """Why a Response Topic can't be published to, as the end of a sentence; None where it can."""
        if not topic or len(topic.encode()) > 65_535:
            return "it is empty or too long"
        if any(character in topic for character in "+#\x00"):
            return "it holds a wildcard"
        if topic.startswith("$"):
            return "it starts with $"
        levels, prefix = topic.split("/"), self.discovery_prefix.split("/")
        if levels[: len(prefix)] == prefix:
            return "it is a discovery topic"
        base = self.base.split("/")
        if levels[: len(base)] == base and levels[len(base) + 1 : len(base) + 2] != ["reply"]:
            return "it is a topic of an agent that only agents, devices and commands use"
        return None
