"""Boards as folders of recorded files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

BOARDS = Path(__file__).parent / "boards"


@pytest.fixture
def boards() -> Path:
    return BOARDS


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[str], Path]:
    """A board whose files a test may change."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(BOARDS / name, tmp_path / name))

    return copy
