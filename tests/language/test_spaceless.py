"""Sentences without spaces → words."""

from __future__ import annotations

import pytest

from edge_agent.language.spaceless import Cutter
from edge_agent.language.words import spoken

KNOWN = (
    "打开",
    "关着",
    "开关",
    "关",
    "的",
    "灯",
    "客厅",
    "门",
    "锁上",
    "大门",
    "门锁",
    "点",
    "一点",
    "调高",
    "高一点",
    "调",
)
NUMBERS = ("一", "十", "十一", "二十三")


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("打开客厅的灯", ["打开", "客厅", "的", "灯"]),
        ("打开关着的灯", ["打开", "关着", "的", "灯"]),
        ("关灯", ["关", "灯"]),
        ("大门锁上", ["大门", "锁上"]),
        ("十一点", ["十一", "点"]),
        ("调高一点", ["调", "高一点"]),
        ("打开阳台的灯", ["打开", "阳台", "的", "灯"]),
        ("打开Hue灯", ["打开", "Hue", "灯"]),
        ("二十三", ["二十三"]),
        ("kitchen", ["kitchen"]),
    ],
)
def test_a_sentence_is_cut_into_the_fewest_known_words(sentence: str, words: list[str]) -> None:
    assert Cutter.of(KNOWN, NUMBERS).cut(sentence) == words


def test_a_name_is_found_whole_and_read_as_its_words() -> None:
    cutter = Cutter.of(KNOWN, NUMBERS).knowing({"客厅关公灯": ("客厅", "关公", "灯"), "关公": ("关公",)})
    assert cutter.cut("打开客厅关公灯") == ["打开", "客厅", "关公", "灯"]


def test_what_the_language_knows_is_not_read_anew_for_a_name() -> None:
    assert Cutter.of(KNOWN, NUMBERS).knowing({"打开": ("打", "开")}).cut("打开") == ["打开"]


def test_words_are_written_together_only_between_ideographs() -> None:
    assert spoken(["客厅", "的", "灯"]) == "客厅的灯"
    assert spoken(["", "Hue", "Go", "灯"]) == "Hue Go 灯"
