from __future__ import annotations

import pytest

from edge_agent.inference.text import AnswerText


def fed(text: AnswerText, pieces: list[bytes]) -> list[str]:
    return [text.feed(piece) for piece in pieces]


def test_a_character_cut_in_bytes_comes_out_whole() -> None:
    text = AnswerText(())
    assert fed(text, [b"a\xc3", b"\xa4b\xf0\x9f", b"\x98", b"\x80!"]) == ["a", "äb", "", "😀!"]
    assert text.finish() == ""
    assert text.text == "aäb😀!"


def test_half_a_character_at_the_end_is_dropped() -> None:
    text = AnswerText(())
    assert fed(text, [b"ok\xf0\x9f"]) == ["ok"]
    assert text.finish() == ""


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_stop_string_is_never_given_out_however_it_is_cut(cut: int) -> None:
    raw = b"hi <|user|> more"
    text = AnswerText(("<|user|>", "###"))
    given = "".join(fed(text, [raw[at : at + cut] for at in range(0, len(raw), cut)]))
    assert text.stopped
    assert given == text.text == "hi "


def test_what_only_looked_like_a_stop_string_is_given_out_at_last() -> None:
    text = AnswerText(("END OF ALL", "OFF"))
    assert fed(text, [b"the E", b"ND O"]) == ["the ", ""]
    assert text.finish() == "END O"
    assert not text.stopped


def test_the_longest_possible_beginning_of_a_stop_string_is_held_back() -> None:
    text = AnswerText(("aab", "ab"))
    assert fed(text, [b"xaa", b"a"]) == ["x", "a"]
    assert text.feed(b"b") == ""
    assert text.stopped


def test_the_earliest_of_several_stop_strings_counts() -> None:
    text = AnswerText(("two", "one"))
    assert text.feed(b"zero one two") == "zero "


def test_the_text_includes_what_was_said_before() -> None:
    text = AnswerText((), said="It ")
    text.feed(b"goes on")
    assert text.text == "It goes on"
