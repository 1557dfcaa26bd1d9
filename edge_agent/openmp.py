"""How llama.cpp's threads wait for one another, which they do hundreds of times a token.

Where they spin as long as OpenMP lets them, one other busy program on the board slows a small model down tenfold and
more. Where they sleep at once, a small model loses two fifths of its speed on an idle board. A few hundred turns of
spinning before the sleep cost neither.
"""

from __future__ import annotations

from collections.abc import Mapping

_WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "300"}


def waiting(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add before llama.cpp is loaded; none where the owner has set one and knows better."""
    return dict(_WAITING) if environment.keys().isdisjoint(_WAITING) else {}
