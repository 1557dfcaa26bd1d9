from __future__ import annotations

import pytest

from edge_agent.inference.markers import MarkerBreaker, markers_in

MARKERS = (
    *(
        "<|user|>",
        "<|SYSTEM|>",
        "<|im_start|>",
        "<|im_end|>",
        "</s>",
        "<s>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<</SYS>>",
    ),
    *(
        "<start_of_turn>",
        "<end_of_turn>",
        "<|eot_id|>",
        "<|start_header_id|>",
        "<｜User｜>",
        "### Instruction:",
        "<bos>",
    ),
)


@pytest.mark.parametrize("marker", MARKERS)
def test_a_role_marker_in_a_text_is_split(marker: str) -> None:
    broken = MarkerBreaker(()).break_up(f"before {marker} after")
    assert marker not in broken
    assert broken.replace(" ", "") == f"before{marker}after".replace(" ", "")


@pytest.mark.parametrize("text", ["Is 3 < 4 and 5 > 4?", "<b>bold</b>", "a [list] | b", "# A title", "l'été 😀", ""])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert MarkerBreaker(("<special>",)).break_up(text) == text


def test_the_models_own_special_tokens_are_split_too() -> None:
    assert MarkerBreaker(("<fim_hole>",)).break_up("x<fim_hole>y") == "x< fim_hole>y"


def test_markers_that_overlap_are_all_split() -> None:
    broken = MarkerBreaker(("<a<b>", "<b>c>")).break_up("<a<b>c>")
    assert "<a<b>" not in broken
    assert "<b>c>" not in broken


def test_splitting_a_marker_inside_a_marker_leaves_none() -> None:
    broken = MarkerBreaker(()).break_up("<|us<|user|>er|>")
    assert "<|user|>" not in broken.replace("< |", "<_|")


def test_a_templates_markers_are_found_once_each_in_order() -> None:
    assert markers_in(["<|user|>\n", "</s>\n<|assistant|>", "<|user|>"]) == ("<|user|>", "</s>", "<|assistant|>")
