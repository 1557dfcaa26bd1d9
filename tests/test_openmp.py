from __future__ import annotations

import pytest

from edge_agent.openmp import waiting


def test_threads_spin_a_little_before_they_sleep() -> None:
    assert waiting({"PATH": "/bin"}) == {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "300"}


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_what_the_owner_has_set_holds_alone(name: str) -> None:
    assert waiting({name: "active"}) == {}
