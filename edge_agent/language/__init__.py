"""From what a person said to what is to be done or answered."""

from edge_agent.language.chat import Chat, Turn

__all__ = ["Chat", "Turn"]
