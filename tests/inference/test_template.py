from __future__ import annotations

import resource
import signal
import time

import pytest

from edge_agent.inference.template import ZEPHYR, ChatTemplate, Segment, TemplateError
from tests.inference.asking import assistant, system, user

SIMPLE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"


def rendered(source: str, *contents: str) -> str:
    segments = ChatTemplate(source, "<s>", "</s>").render([user(content) for content in contents])
    return "".join(segment.text for segment in segments)


def test_the_templates_text_and_peoples_words_come_apart() -> None:
    segments = ChatTemplate(SIMPLE, "", "").render([system("be kind"), user("[user]hi")])
    assert segments == [
        Segment("[system]", is_content=False),
        Segment("be kind", is_content=True),
        Segment("[user]", is_content=False),
        Segment("[user]hi", is_content=True),
    ]


def test_zephyr_is_tinyllamas_form() -> None:
    messages = [system("S"), user("U"), assistant("A"), user("V")]
    segments = ChatTemplate(ZEPHYR, "<s>", "</s>").render(messages)
    assert "".join(segment.text for segment in segments) == (
        "<|system|>\nS</s>\n<|user|>\nU</s>\n<|assistant|>\nA</s>\n<|user|>\nV</s>\n<|assistant|>\n"
    )


def test_blanks_around_a_message_are_what_the_template_makes_of_them() -> None:
    assert rendered("{{ messages[0].content }}|{{ messages[0].content | trim }}", "  hi \n") == "  hi \n|hi"


def test_the_case_that_a_template_changes_does_not_lose_a_message() -> None:
    assert rendered("{{ messages[0].content | upper }}", "hi") == "hi"


def test_an_empty_message_is_empty_to_the_template() -> None:
    assert rendered("{% if not messages[0].content %}nothing{% endif %}", "") == "nothing"


def test_text_in_a_message_is_no_template() -> None:
    assert rendered(SIMPLE, "{{ 7 * 7 }}{% for x in y %}") == "[user]{{ 7 * 7 }}{% for x in y %}"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{{ ''.__class__.__mro__[1].__subclasses__() }}", id="the way out of Python's object tree"),
        pytest.param("{{ cycler.__init__.__globals__.os.system('true') }}", id="a shell"),
        pytest.param("{{ messages.append(1) }}", id="changes its input"),
        pytest.param("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", id="endless"),
        pytest.param("{% for a in range(99999) %}{{ 'aaaaaaaaaaaaaaaa' }}{% endfor %}", id="endless text"),
        pytest.param("{{ 'a' * 9999999999 }}", id="a huge string"),
        pytest.param("{{ ('%' ~ '9999999999d') % 1 }}", id="a huge number as text"),
        pytest.param("{{ 'x' | center(9999999999) }}", id="a huge blank"),
        pytest.param("{{ 9 ** 9 ** 9 }}", id="a huge number"),
        pytest.param(
            "{% set n = namespace(v='aaaaaaaa') %}{% for i in range(99) %}{% set n.v = n.v ~ n.v %}{% endfor %}",
            id="doubles",
        ),
        pytest.param("{{ raise_exception('no system role') }}", id="refuses"),
        pytest.param("{% if %}", id="no template at all"),
        pytest.param("x" * 300_000, id="too long"),
    ],
)
def test_a_hostile_or_broken_template_costs_an_error_and_no_more_than_seconds(source: str) -> None:
    limits, handler, started = (
        resource.getrlimit(resource.RLIMIT_AS),
        signal.getsignal(signal.SIGVTALRM),
        time.monotonic(),
    )
    with pytest.raises(TemplateError):
        rendered(source, "hi")
    assert time.monotonic() - started < 10
    assert resource.getrlimit(resource.RLIMIT_AS) == limits
    assert signal.getsignal(signal.SIGVTALRM) == handler
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
