"""What is measured, and where it goes: Telemetry, Status, and the agent's entities in Home Assistant."""

from edge_agent.telemetry.entities import Entities, discovery_messages
from edge_agent.telemetry.measurements import Answered, Measurements
from edge_agent.telemetry.publisher import TelemetryPublisher
from edge_agent.telemetry.status import Condition, StatusPublisher

__all__ = [
    "Answered",
    "Condition",
    "Entities",
    "Measurements",
    "StatusPublisher",
    "TelemetryPublisher",
    "discovery_messages",
]
