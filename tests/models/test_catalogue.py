from __future__ import annotations

import pytest

from edge_agent.errors import ModelUnavailable
from edge_agent.models import CATALOGUE, best_for_memory, needed_bytes

MIB = 1024 * 1024
ALL_QUANTIZATIONS = {
    *("Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_0", "Q4_K_S"),
    *("Q4_K_M", "Q5_0", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0"),
}


def test_names_are_unique_whatever_their_case() -> None:
    assert len({model.name.casefold() for model in CATALOGUE}) == len(CATALOGUE)


def test_every_tinyllama_quantization_of_the_repository_is_known() -> None:
    known = {model.quantization for model in CATALOGUE if model.repository.startswith("TheBloke/TinyLlama")}
    assert known == ALL_QUANTIZATIONS


@pytest.mark.parametrize(
    ("board", "mem_total_mib", "quantization"),
    [
        ("Pi 3, 1 GB, 64 MB for its GPU", 909, "Q3_K_S"),
        ("a board of 1 GB", 960, "Q3_K_M"),
        ("1.5 GB", 1500, "Q4_K_M"),
        ("Pi 4, 2 GB", 1849, "Q4_K_M"),
        ("Pi 5, 8 GB", 8063, "Q4_K_M"),
        ("64 GB", 65_000, "Q4_K_M"),
    ],
)
def test_auto_takes_the_largest_tinyllama_that_fits_and_q4_k_m_at_most(
    board: str, mem_total_mib: int, quantization: str
) -> None:
    assert best_for_memory(mem_total_mib * MIB).quantization == quantization, board


def test_more_memory_never_means_a_smaller_model() -> None:
    sizes = [best_for_memory(mib * MIB).size_bytes for mib in range(900, 4000, 10)]
    assert sizes == sorted(sizes)


def test_what_is_chosen_leaves_room_for_everything_else() -> None:
    for mib in range(900, 4000, 10):
        assert needed_bytes(best_for_memory(mib * MIB).size_bytes) <= mib * MIB


def test_a_board_that_is_too_small_is_told_what_would_fit() -> None:
    with pytest.raises(ModelUnavailable, match=r"needs 929 MB of memory, and there are 447 MB.*SmolLM2-135M") as caught:
        best_for_memory(426 * MIB)
    named = next(model for model in CATALOGUE if model.name in str(caught.value))
    assert needed_bytes(named.size_bytes) < 600_000_000
