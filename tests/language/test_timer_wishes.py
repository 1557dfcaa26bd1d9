"""What is said about timers, in the languages that have words for them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import pytest

from edge_agent.home import Entity
from edge_agent.language.lexicon import lexicon
from edge_agent.language.phrases import DATA
from edge_agent.language.plan import LetBe, Plan, Refuse, TimerWish
from edge_agent.language.timer_wishes import timer_plan
from edge_agent.language.vocabulary import Vocabulary
from tests.language.things import thing

ROLES = {"cancel", "more", "less", "ask", "set", "called", "of"}


def understood(
    text: str, language: str = "en", open_wish: TimerWish | None = None, devices: Sequence[Entity] = ()
) -> Plan | None:
    words = lexicon(language)
    assert words is not None
    return timer_plan(text, Vocabulary(words, devices, {}), open_wish)


def set_for(minutes: float, name: str | None = None) -> TimerWish:
    return TimerWish("set", minutes * 60, name)


def add(minutes: float, name: str | None = None, of_s: float | None = None) -> TimerWish:
    return TimerWish("add", minutes * 60, name, of_s)


def cancel(name: str | None = None, of_s: float | None = None, *, every: bool = False) -> TimerWish:
    return TimerWish("cancel", None, name, of_s, every)


def ask(name: str | None = None, of_s: float | None = None) -> TimerWish:
    return TimerWish("ask", None, name, of_s)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set a timer for eight minutes", set_for(8)),
        ("Set a pizza timer for ten minutes.", set_for(10, "pizza")),
        ("set a timer for eight minutes for the pasta", set_for(8, "pasta")),
        ("ten minute pizza timer please", set_for(10, "pizza")),
        ("set a timer called laundry for an hour and ten minutes", set_for(70, "laundry")),
        ("could you please start a pasta timer for 1 hour and 20 minutes?", set_for(80, "pasta")),
        ("set a cleaning timer for 5 minutes", set_for(5, "cleaning")),
        ("add a timer for ten minutes", set_for(10)),
        ("I need a timer for two and a half hours", set_for(150)),
        ("start a 90 second timer", set_for(1.5)),
        ("set a pizza timer", TimerWish("set", None, "pizza")),
        ("how long is left on the pizza timer", ask("pizza")),
        ("how much time is left", ask()),
        ("remind me in ten minutes", set_for(10)),
        ("set a reminder for the pizza in five minutes", set_for(5, "pizza")),
        ("how much time is left on the ten minute timer?", ask(None, 600)),
        ("is the timer still running?", ask()),
        ("when will the timer go off?", ask()),
        ("the timer, please", ask()),
        ("cancel the pizza timer", cancel("pizza")),
        ("cancel timer", cancel()),
        ("stop my timer", cancel()),
        ("turn off the ten minute timer", cancel(None, 600)),
        ("cancel all timers", cancel(every=True)),
        ("delete both timers", cancel(every=True)),
        ("add two minutes to the timer", add(2)),
        ("add two minutes to the ten minute timer", add(2, None, 600)),
        ("give the pizza timer two more minutes", add(2, "pizza")),
        ("make the timer a minute shorter", add(-1)),
        ("take two minutes off the timer", add(-2)),
    ],
)
def test_english(text: str, expected: TimerWish) -> None:
    assert understood(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Stell einen Timer auf zehn Minuten", set_for(10)),
        ("Stelle einen Pizza-Timer auf zehn Minuten", set_for(10, "Pizza")),
        ("Nudeltimer auf 8 Minuten", set_for(8, "Nudel")),
        ("Stell einen Timer auf acht Minuten für die Nudeln", set_for(8, "Nudeln")),
        ("Wie lange läuft der Nudeltimer noch?", ask("Nudel")),
        ("Brich den Pizza-Timer ab", cancel("Pizza")),
        ("Schalte den Timer aus", cancel()),
        ("Lösch alle Timer", cancel(every=True)),
        ("Stoppe den Zehn-Minuten-Timer", cancel(None, 600)),
        ("Verlängere den Timer um zwei Minuten", add(2)),
        ("Gib dem Pizza-Timer noch zwei Minuten mehr", add(2, "Pizza")),
        ("Kürze den Timer um eine Minute", add(-1)),
    ],
)
def test_german(text: str, expected: TimerWish) -> None:
    assert understood(text, "de") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mets un minuteur de dix minutes", set_for(10)),
        ("mets un minuteur pizza de dix minutes", set_for(10, "pizza")),
        ("règle un minuteur sur 8 minutes pour les pâtes", set_for(8, "pâtes")),
        ("lance un compte à rebours d'une heure et vingt minutes", set_for(80)),
        ("combien de temps reste-t-il au minuteur pizza ?", ask("pizza")),
        ("annule le minuteur des pâtes", cancel("pâtes")),
        ("arrête le minuteur de dix minutes", cancel(None, 600)),
        ("annule tous les minuteurs", cancel(every=True)),
        ("ajoute deux minutes au minuteur", add(2)),
        ("rallonge le minuteur de cinq minutes", add(5)),
        ("enlève une minute au minuteur", add(-1)),
    ],
)
def test_french(text: str, expected: TimerWish) -> None:
    assert understood(text, "fr") == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "turn off the lamp when the timer is done"),
        ("en", "stop the music when the timer ends"),
        ("en", "pause the timer"),
        ("de", "Wenn der Timer fertig ist, mach das Licht aus"),
        ("fr", "éteins la lampe quand le minuteur sonne"),
    ],
)
def test_what_can_not_be_done_with_a_timer_is_not_done_with_anything_else(language: str, text: str) -> None:
    assert understood(text, language) == Refuse("not_understood")


@pytest.mark.parametrize("text", ["turn on the light", "add milk to the list", "in ten minutes turn on the fan",
                                  "who invented the countdown"])  # fmt: skip
def test_the_rest_is_about_something_else(text: str) -> None:
    assert understood(text) is None


def test_a_device_that_is_called_a_timer_is_a_device() -> None:
    sprinkler = thing("switch.sprinkler", "Sprinkler Timer")
    assert understood("turn on the sprinkler timer", devices=[sprinkler]) is None
    assert understood("cancel the timer", devices=[sprinkler]) == cancel()


@pytest.mark.parametrize(
    ("language", "answer", "expected"),
    [
        ("en", "the pizza one", cancel("pizza")),
        ("en", "the pizza timer", cancel("pizza")),
        ("en", "the ten minute one", cancel(None, 600)),
        ("en", "all of them", cancel(every=True)),
        ("en", "never mind", LetBe("never_mind")),
        ("en", "turn on the light", None),
        ("en", "set a timer for 5 minutes", set_for(5)),
        ("de", "den Nudeltimer", cancel("Nudel")),
        ("de", "beide", cancel(every=True)),
        ("fr", "celui des pâtes", cancel("pâtes")),
    ],
)
def test_which_one_is_meant_is_answered(language: str, answer: str, expected: Plan | None) -> None:
    assert understood(answer, language, TimerWish("cancel")) == expected


def test_how_long_it_is_to_be_is_answered() -> None:
    asked = TimerWish("set", name="pizza")
    assert understood("for half an hour", open_wish=asked) == set_for(30, "pizza")
    assert understood("what is a light year", open_wish=asked) is None


@pytest.mark.parametrize("language", [folder.name for folder in DATA.iterdir() if (folder / "lexicon.toml").is_file()])
def test_every_language_has_words_for_all_that_is_done_with_timers(language: str) -> None:
    assert tomllib.loads((DATA / language / "lexicon.toml").read_text("utf-8"))["timers"].keys() == ROLES


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "remind me in ten minutes"),
        ("de", "erinnere mich in zehn Minuten"),
        ("fr", "rappelle-moi dans dix minutes"),
        ("es", "recuérdame en diez minutos"),
        ("it", "ricordami tra dieci minuti"),
        ("nl", "herinner me over tien minuten"),
        ("zh", "十分钟后提醒我"),
    ],
)
def test_a_reminder_is_a_timer(language: str, text: str) -> None:
    assert understood(text, language) == set_for(10)
