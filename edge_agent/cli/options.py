"""Options that several commands share, and the settings they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML file of settings; the usual places where absent.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="section.name=value", help="One setting; may be given several times."),
]
