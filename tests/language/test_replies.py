"""The word lists of the languages: whatever may have to be said, can be said in each of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

import pytest

from edge_agent import errors
from edge_agent.home.acting import Trouble
from edge_agent.home.descriptors import KIND_ACTIONS
from edge_agent.home.policy import Refusal
from edge_agent.language.phrases import DATA, Phrases, chosen, languages, together

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "zh")
FORMS = range(4)


def document(language: str) -> Mapping[str, Any]:
    return tomllib.loads((DATA / language / "replies.toml").read_text())


def templates(language: str) -> Iterator[tuple[str, str]]:
    for table, entries in document(language).items():
        if isinstance(entries, dict):
            for key, value in entries.items():
                if isinstance(value, str):
                    yield f"{table}.{key}", value


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_every_language_of_the_product_has_words() -> None:
    assert set(LANGUAGES) <= languages()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_tables_and_keys_of_english(language: str) -> None:
    english, other = document("en"), document(language)
    assert other.keys() | {"nouns"} == english.keys() | {"nouns"}
    for table in english.keys() - {"nouns"}:
        assert other[table].keys() == english[table].keys(), table


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_template_has_the_values_of_the_english_one(language: str) -> None:
    english = dict(templates("en"))
    for key, template in templates(language):
        if key not in ("names.article", "names.bare", "names.lower"):
            assert placeholders(template) == placeholders(english[key]), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_bracket_is_left_in_any_form(language: str) -> None:
    for key, template in templates(language):
        for form in FORMS:
            assert not set("[]|") & set(chosen(template, form)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_week_and_a_year_have_names(language: str) -> None:
    calendar = document(language)["calendar"]
    assert (len(set(calendar["weekdays"])), len(set(calendar["months"]))) == (7, 12)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kind_has_its_singular_its_plural_and_its_gender(language: str) -> None:
    for key, words in document(language)["kinds"].items():
        assert len(words) == 3 and all(words) and words[2] in ("m", "f"), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_noun_is_in_two_lists(language: str) -> None:
    words = [word for entry in document(language).get("nouns", ()) for word in entry["words"].split()]
    assert sorted(words) == sorted(set(words))


def test_every_reason_of_the_home_has_a_clause() -> None:
    """What a device does not show is always `sent`, and has a sentence of its own."""
    assert {*Trouble, *Refusal} - {Trouble.NOT_SHOWN} <= document("en")["clauses"].keys()


def test_every_error_of_a_reply_has_a_sentence() -> None:
    codes = {kind.code for kind in errors.CommandError.__subclasses__()}
    assert codes == document("en")["errors"].keys()


def test_every_action_without_a_value_has_words() -> None:
    known = document("en")["wish"].keys()
    for action in {action for actions in KIND_ACTIONS.values() for action in actions}:
        assert action in known or action.startswith(("set_", "select_")) or action == "oscillate", action


@pytest.mark.parametrize(
    ("tag", "language"), [("en-GB", "en"), ("de_AT", "de"), ("ZH-Hans-CN", "zh"), ("sw", "en"), ("", "en")]
)
def test_a_tag_gives_the_words_of_its_language_or_english(tag: str, language: str) -> None:
    assert Phrases.of(tag).language == language


def test_words_are_read_once() -> None:
    assert Phrases.of("fr") is Phrases.of("fr-CA")


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        ("18.6", "18.6", "18,6"),
        (18.60, "18.6", "18,6"),
        (21.0, "21", "21"),
        ("007", "007", "007"),
        (-0.5, "-0.5", "-0,5"),
        (3.14159265, "3.142", "3,142"),
        ("0.00004", "0.00004", "0,00004"),
        ("1e999", "1e999", "1e999"),
        ("Eco", "Eco", "Eco"),
        (True, "True", "True"),
    ],
)
def test_a_number_is_said_as_the_device_says_it(value: object, english: str, german: str) -> None:
    assert (Phrases.of("en").number(value), Phrases.of("de").number(value)) == (english, german)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "1 minute and 30 seconds"),
        (3600, "1 hour"),
        (3661, "1 hour and 1 minute"),
        (90_061, "1 day, 1 hour and 1 minute"),
        (-5, "0 seconds"),
    ],
)
def test_a_duration_is_said_in_its_units(seconds: float, said: str) -> None:
    assert Phrases.of("en").duration(seconds) == said


def test_several_things_are_feminine_where_all_are() -> None:
    assert (together([1, 1]), together([1, 0]), together([1]), together([2, 1])) == (3, 2, 1, 2)


def test_a_sentence_begins_with_a_capital_unless_a_name_does_not() -> None:
    phrases = Phrases.of("de")
    assert phrases.sentence("lampe ist an") == "Lampe ist an."
    assert phrases.sentence("iPad ist an") == "iPad ist an."
    assert phrases.sentence("wirklich?") == "Wirklich?"
