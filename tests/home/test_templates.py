"""Templates of devices: what they write, and what hostile ones can't do."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from edge_agent.home.sandbox import MOST_STRIKES
from edge_agent.home.templates import MOST_INPUT_CHARACTERS, MOST_OUTPUT_CHARACTERS, Template, TemplateProblem

PAYLOAD = '{"x": 1, "on": true, "none": null, "a": {"b": [1, 2, "z"]}, "t": "21.456", "state": "ON", "items": 3}'


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("plain", "plain"),
        ("{{ value }}", PAYLOAD),
        ("{{ value_json.x }}", "1"),
        ("{{value_json['a'].b[2]}}", "z"),
        ('{{ value_json["a"]["b"][0] }} of {{ value_json.x }}', "1 of 1"),
        ("{{ value_json.on }}", "True"),
        ("{{ value_json.none }}", "None"),
        ("{{ value_json.items }}", "3"),
        ("{{ value_json.missing }}", ""),
        ("{{ value_json.none.deeper }}", ""),
        ("{{ value_json.x | is_defined }}", "1"),
        ("{{ value_json.t | float | round(1) }}", "21.5"),
        ("{{ value_json.t | float | round }}", "21"),
        ("{{ value_json.nothing | float(0) }}", "0"),
        ("{{ value_json.t | int }}", "21"),
        ("{{ 'yes' if value_json.on else 'no' }}", "yes"),
        ("{% if value_json.state == 'ON' %} on {% else %} off {% endif %}", "on"),
        ("{{ value_json.missing | default('none') }}", "none"),
        ("{{ {'ON': 'heat'}[value_json.state] }}", "heat"),
        ("{{ value_json.a.b | join(',') }}", "1,2,z"),
        ("{{ value_json.a.b | map('string') | list | length }}", "3"),
        ("{{ '%.2f' | format(value_json.t | float) }}", "21.46"),
        ("{{ '{:.1f}'.format(2.345) }}", "2.3"),
        ("{{ value_json.a | tojson }}", '{"b": [1, 2, "z"]}'),
        ("{{ '[1, 2]' | from_json | last }}", "2"),
        ("{{ 'a1b22' | regex_replace('[0-9]+', '#') }}", "a#b#"),
        ("{{ 'a1b22' | regex_findall_index('[0-9]+', 1) }}", "22"),
        ("{{ 1700000000 | timestamp_custom('%Y-%m-%d', false) }}", "2023-11-14"),
        ("{{ value_json.x | multiply(2.5) }}", "2.5"),
        ("{{ value_json.on | iif('1', '0') }}", "1"),
        ("{{ now().year > 2000 }}", "True"),
        ("{{ 'a,b'.split(',')[1] | upper }}", "B"),
        ("{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "3"),
        ("{% for k, v in value_json.a.items() %}{{ loop.index }}{{ k }}{% endfor %}", "1b"),
    ],
)
def test_it_writes_what_home_assistant_would(template: str, written: str) -> None:
    assert Template.compile(template).render(PAYLOAD) == written


@pytest.mark.parametrize("template", ["{{ value_json.x.y.z }}", "{{ value_json.no | is_defined }}", "{{ 1 / 0 }}"])
def test_a_payload_that_does_not_fit_is_a_problem_and_no_crash(template: str) -> None:
    with pytest.raises(TemplateProblem):
        Template.compile(template).render('{"x": 1}')


def test_a_payload_that_is_no_json_has_no_value_json() -> None:
    assert Template.compile("{{ value }}").render("21") == "21"
    for payload in ("warm", "NaN", "{" * 5000):
        with pytest.raises(TemplateProblem):
            Template.compile("{{ value_json.x }}").render(payload)


def test_payload_templates_write_json_booleans_where_they_are_asked_to() -> None:
    for template in ('{"on": {{ on }}}', '{"on": {{ on }}, "v": {{ (v / 100) | round(2) }}}'):
        written = Template.compile(template, json_booleans=True).render(on=True, v=35)
        assert written.startswith('{"on": true')
    assert Template.compile("{{ item | tojson }}", json_booleans=True).render(item='a "b"') == '"a \\"b\\""'


def test_a_command_template_sees_its_value_as_it_is() -> None:
    assert Template.compile("{{ value + 1 }}").render(41) == "42"


def test_a_path_needs_no_jinja() -> None:
    code = (
        "import sys; from edge_agent.home.templates import Template;"
        'assert Template.compile(\'{"a": {{ value_json.x["y"] }} }\').render(\'{"x": {"y": 2}}\') == \'{"a": 2 }\';'
        "assert 'jinja2' not in sys.modules; Template.compile('{{ 1 + 1 }}'); assert 'jinja2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


HOSTILE = {
    "loops": "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
    "long range": "{{ range(10**9) | list }}",
    "writes megabytes": "{% for i in range(9999) %}{{ 'abcdefgh' * 9 }}{% endfor %}",
    "string product": "{{ 'a' * 10**9 }}",
    "list product": "{{ [1] * 10**9 }}",
    "power": "{{ 10**10**10 }}",
    "padding": "{{ 'x'.ljust(10**9) }}",
    "old format": "{{ '%999999999d' % 1 }}",
    "old format with a star": "{{ '%*d' % (99999999, 1) }}",
    "new format": "{{ '{:999999999}'.format(1) }}",
    "nested format": "{{ '{:{}}'.format(1, 999999999) }}",
    "doubling with ~": "{% set n = namespace(a='aaaa') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}",
    "doubling with +": "{% set n = namespace(a='aaaa') %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}",
    "doubling lists": "{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% endfor %}",
    "doubling in a row": "{% set a = {'k': 1} %}" + "{% set a = {'k': a, 'j': a} %}" * 60 + "{{ a == a }}",
    "replace": "{{ ('ab' * 50000) | replace('a', 'b' * 50000) }}",
    "replace method": "{{ ('ab' * 50000).replace('a', 'b' * 50000) }}",
    "join": "{{ ('a' * 10000) | list | join('b' * 50000) }}",
    "join with a name": "{{ ('a' * 10000) | list | join(d='b' * 50000) }}",
    "join method": "{{ ('b' * 5000).join('a' * 50000) }}",
    "backtracking": "{{ ('a' * 60 ~ 'b') | regex_match('(a|a)*$|(a+)+$') }}",
    "regular expression that copies": r"{{ ('a' * 60000) | regex_replace('(?=(.*))', '\\1\\1\\1') }}",
    "classes": "{{ ().__class__.__mro__ }}",
    "globals": "{{ namespace.__init__.__globals__ }}",
    "bytes": "{{ (5).to_bytes(10**9) }}",
    "include": "{% include 'x' %}",
    "import": "{% import 'x' as y %}",
    "macro": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "block set": "{% set x %}{% for i in range(9999) %}{{ 'a' * 99999 }}{% endfor %}{% endset %}",
    "nesting": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "nested lists": "{{ " + "[" * 1500 + "]" * 1500 + " }}",
    "many terms": "{{ " + "+".join(["1"] * 3000) + " }}",
    "many blocks": "{% if 1 %}" * 1500,
    "size": "x" * 20_000,
    "unknown filter": "{{ value | nothing_like_it }}",
    "no template": "{{ value",
}


@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_is_a_problem_within_a_second(template: str) -> None:
    began_s = time.process_time()
    with pytest.raises(TemplateProblem):
        Template.compile(template).render("a")
    assert time.process_time() - began_s < 1


def test_a_template_that_takes_too_long_is_soon_not_run_any_more() -> None:
    template = Template.compile("{{ value | regex_match('(x|x)*$') }}")
    payload = "x" * 60 + "y"
    for _ in range(MOST_STRIKES):
        with pytest.raises(TemplateProblem):
            template.render(payload)
    began_s = time.process_time()
    with pytest.raises(TemplateProblem, match="not run any more"):
        template.render(payload)
    assert time.process_time() - began_s < 0.05


def test_loops_are_bounded_in_other_threads_too() -> None:
    problems: list[TemplateProblem] = []

    def render() -> None:
        try:
            Template.compile(HOSTILE["loops"] + " ").render("a")
        except TemplateProblem as problem:
            problems.append(problem)

    thread = threading.Thread(target=render)
    thread.start()
    thread.join(20)
    assert len(problems) == 1


def test_long_payloads_and_long_output_are_refused() -> None:
    with pytest.raises(TemplateProblem):
        Template.compile("{{ value }}").render("x" * (MOST_INPUT_CHARACTERS + 1))
    with pytest.raises(TemplateProblem):
        Template.compile("{{ value }}").render("x" * (MOST_OUTPUT_CHARACTERS + 1))
    with pytest.raises(TemplateProblem):
        Template.compile("{{ value | upper }}").render("x" * (MOST_OUTPUT_CHARACTERS + 1))
