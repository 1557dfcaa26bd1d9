"""edge-agent: understands what people say to their home, on the board itself."""

from importlib.metadata import version

__version__ = version("edge-agent")
