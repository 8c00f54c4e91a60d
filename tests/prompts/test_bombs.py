"""Templates that would run for minutes or fill the memory: each is stopped after about a second of CPU."""

import time
from dataclasses import replace

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.chat import ChatTemplate
from promptrec_tui.prompts.rendering import render_prompt
from promptrec_tui.prompts.template import Template

LIMIT = 4.0
"""Seconds of CPU; most take less than one where nothing else runs."""

LIST = "{% set n = range(100000) | list %}{% set l = n + n + n %}"
TEXT = "{% set x = 'aB ' * 500000 %}"
LOOP, END = "{% for a in range(99999) %}", "{% endfor %}"
DEEP = "{% set d = [1] %}" + "{% set d = [d, d] %}" * 60
TUPLES = "{% set d = (1,) %}" + "{% set d = (d, d) %}" * 60
BOMBS = {
    "select_in": LIST + "{{ l | select('in', l) | list | length }}",
    "select_in_tuple": LIST + "{{ l | reject('in', l | reverse | list) | list | length }}",
    "select_in_text": TEXT + "{{ x | select('in', x[::-1]) | list | length }}",
    "upper_loop": TEXT + LOOP + "{% set y = x | upper %}" + END,
    "upper_method": TEXT + LOOP + "{% set y = x.upper() %}" + END,
    "slice": TEXT + LOOP + "{% set y = x[1:] %}" + END,
    "rev": LIST + LOOP + "{% set y = l[::-1] %}" + END,
    "eq": TEXT + "{% set z = x ~ '' %}" + LOOP + "{% set y = x == z %}" + END,
    "in": TEXT + LOOP + "{% set y = 'zz' in x %}" + END,
    "plus": TEXT + LOOP + "{% set y = x + 'a' %}" + END,
    "tilde": TEXT + LOOP + "{% set y = x ~ 'a' %}" + END,
    "mult": LOOP + "{% set y = 'a' * 1999999 %}" + END,
    "multlist": LOOP + "{% set y = [1] * 1999999 %}" + END,
    "huge": "{{ 'a' * 99999999999 }}",
    "join": LIST + LOOP + "{% set y = l | join('xxxxx') %}" + END,
    "joinm": TEXT + "{% set y = x.join(range(1000) | map('string')) %}",
    "replace": TEXT + LOOP + "{% set y = x | replace('a', 'b') %}" + END,
    "replacegrow": TEXT + "{{ x.replace('a', x) }}",
    "percent": "{{ '%999999999d' % 1 }}",
    "percentstar": "{{ '%*d' % (999999999, 1) }}",
    "percentmany": LOOP + "{% set y = '%1999999d' % 1 %}" + END,
    "percentprec": "{{ '%.999999999f' % 1.5 }}",
    "format": "{{ '{:999999999}'.format(1) }}",
    "format4": TEXT + "{{ ('{0}' * 9999).format(x) }}",
    "format6": LOOP + "{% set y = '{:1999999}'.format(1) %}" + END,
    "formatmap": "{{ ['%999999999d'] | map('format', 1) | list }}",
    "center": "{{ 'a' | center(999999999) }}",
    "ljust": "{{ 'a'.ljust(999999999) }}",
    "expand": "{{ ('\t' * 1000).expandtabs(99999999) }}",
    "indent": "{{ ('\n' * 1000) | indent(999999) }}",
    "ranges": LOOP + "{% set y = range(100000) | list %}" + END,
    "nest": LOOP * 3 + END * 3,
    "filtered": "{% for a in range(9999) %}{% for b in range(99999) if false %}{% endfor %}{% endfor %}",
    "pow3": "{% set x = 7 %}" + "{% set x = x ** x %}" * 9,
    "mulint": "{% set x = 99999 %}" + "{% set x = x * x %}" * 40,
    "deepstr": DEEP + "{{ d }}",
    "deepjson": DEEP + "{{ d | tojson | length }}",
    "deepconcat": DEEP + "{% set y = d ~ '' %}",
    "deephash": TUPLES + "{% set y = {d: 1} %}",
    "deepdict": TUPLES + "{% set y = dict([(d, 1)]) %}",
    "deepgen": DEEP + "{% set y = [d, 1] | reverse | join %}",
    "deepfmt": DEEP + "{{ '%s' % (d,) }}",
    "deepns": "{% set ns = namespace(x=[1]) %}" + "{% set ns.x = [ns.x, ns.x] %}" * 60 + "{{ ns }}",
    "sort": LIST + LOOP + "{% set y = l | sort(reverse=true) %}" + END,
    "unique": LIST + LOOP + "{% set y = l | unique | list %}" + END,
    "macro": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "macromem": "{% macro m() %}" + LOOP + "y" * 20000 + END + "{% endmacro %}{{ m() }}",
    "setmem": "{% set y %}" + LOOP + "y" * 20000 + END + "{% endset %}",
    "setout": TEXT + "{% set y %}" + LOOP + "{{ x }}" + END + "{% endset %}",
    "strip": "{% set x = 'a' * 1000000 %}{% set y = x.strip('b' * 900000 ~ 'a') %}",
    "rfind": "{% set x = 'a' * 1000000 %}{% set y = x.rfind('b' ~ 'a' * 500000) %}",
    "split": TEXT + LOOP + "{% set y = x.split(' ') %}" + END,
    "batch": "{{ [1] | batch(999999999, 'x') | list | length }}",
    "round": "{{ 1.5 | round(999999999, 'floor') }}",
    "bytes": "{{ (1).to_bytes(999999999, 'big') | length }}",
    "wordwrap": TEXT + "{% for a in range(9) %}{{ x | wordwrap(5) | length }}{% endfor %}",
    "title": TEXT + LOOP + "{% set y = x | title %}" + END,
    "striptags": "{% set x = '<a' * 500000 %}{{ x | striptags | length }}",
    "sumlist": "{{ ([[1]] * 100000) | sum(start=[]) | length }}",
    "starargs": "{% macro m() %}{{ varargs | length }}{% endmacro %}"
    + LIST
    + LOOP
    + "{% set y = m(*l) %}"
    + END,
    "sets": LOOP + "{% set y = a %}" * 3000 + END,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_chat_template_is_stopped(name: str) -> None:
    begun = time.process_time()
    with pytest.raises(UserError, match="it was stopped"):
        ChatTemplate(BOMBS[name], ()).render([("user", "x")], True)
    assert time.process_time() - begun < LIMIT


HISTORY = [{"title": f"Heat {number}", "plot": "aB " * 500} for number in range(1_000)]


@pytest.mark.parametrize(
    "code",
    [
        "{% set n = history | map(attribute='plot') | join %}{% set l = n | list %}"
        "{{ n | select('in', l) | list | length }}",
        "{% set n = history | map(attribute='plot') | join %}"
        "{% for a in history %}{% for b in history %}{% set y = n | upper %}{% endfor %}{% endfor %}",
        "{% set n = history | map(attribute='plot') | join %}"
        "{% for a in history %}{% for b in history %}{% set y = n.upper() %}{% endfor %}{% endfor %}",
        "{% for a in history %}{% for b in history %}{% set y = history | map(attribute='plot') | join %}"
        "{% endfor %}{% endfor %}",
        "{% for a in history %}{% for b in history %}{% set y = history | sort(attribute='plot') %}"
        "{% endfor %}{% endfor %}",
        "{% for a in history %}{{ '%1999999d' % 1 }}{% endfor %}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ history[0].title * 999999999 }}",
    ],
)
def test_a_prompt_template_is_stopped(template: Template, code: str) -> None:
    begun = time.process_time()
    with pytest.raises(UserError, match="'mine', prompt, line 1: it was stopped"):
        render_prompt(replace(template, prompt=code), HISTORY)
    assert time.process_time() - begun < LIMIT


def test_a_long_history_is_rendered(template: Template) -> None:
    code = (
        "{% for item in history %}{{ loop.index }}. {{ item.title | upper }} {{ item.plot[:9] | trim }} "
        "{% if item.title != history[0].title and 'Heat' in item.title %}{{ item.title.replace('H', 'h') }}"
        "{% endif %}{{ 'end' if loop.index == history | length else '' }}\n{% endfor %}"
    )
    prompt = render_prompt(replace(template, prompt=code), HISTORY)
    assert prompt.count("\n") == 1_000
    assert "2. HEAT 1 aB aB aB heat 1\n" in prompt
