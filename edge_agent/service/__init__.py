"""How the system runs us: systemd's notifications and watchdog, and logs for its journal."""

from edge_agent.service.logs import set_up_logging
from edge_agent.service.systemd import Systemd

__all__ = ["Systemd", "set_up_logging"]
