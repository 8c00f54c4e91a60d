"""A template that loops or grows is stopped, whatever it is given."""

from dataclasses import replace

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.rendering import render_completion, render_prompt
from promptrec_tui.prompts.template import Template, check_template

HISTORY = [{"title": f"Heat {number}"} for number in range(100)]
DOUBLED = "{% set x = item.title %}" + "{% set x = x OPERATOR x %}" * 40 + "{{ x }}"


def test_loops_within_loops_are_stopped(template: Template) -> None:
    loops = "{% for a in history %}" * 4 + "{% endfor %}" * 4
    with pytest.raises(UserError, match=r"'mine', prompt, line 1: it was stopped: its loops take more than"):
        render_prompt(replace(template, prompt=loops), HISTORY)
    twice = "{% for a in history %}{% for b in history %}.{% endfor %}{% endfor %}"
    assert len(render_prompt(replace(template, prompt=twice), HISTORY)) == 10_000


@pytest.mark.parametrize(
    "code",
    [
        DOUBLED.replace("OPERATOR", "~"),
        DOUBLED.replace("OPERATOR", "+"),
        "{% set x = item.title %}" + "{% set x = x | replace('', x) %}" * 9 + "{{ x }}",
        "{% set x = item.title %}" + "{% set x = x.replace('', x) %}" * 9 + "{{ x }}",
        "{% set x = item.title %}" + "{% set x = [x, x] | join(x) %}" * 40 + "{{ x }}",
        "{% set x = item.title %}" + "{% set x = x.join([x, x]) %}" * 40 + "{{ x }}",
        "{% set x = [item.title] %}" + "{% set x = x + x %}" * 40 + "{{ x | length }}",
        "{% set x = [item.title] %}" + "{% set x = [x, x] %}" * 40 + "{{ x | string }}",
        "{% set x = 9 %}" + "{% set x = x * x %}" * 40 + "{{ x }}{{ item.title }}",
        "{% set x = [1] %}{{ x | batch(900000000, 'x') | list | length }}{{ item.title }}",
        "{% set x = [1] %}{{ x | slice(900000000) | list | length }}{{ item.title }}",
        "{{ [[1], [2]] | sum(start=[]) }}{{ item.title }}",
    ],
)
def test_what_grows_is_stopped(template: Template, code: str) -> None:
    with pytest.raises(UserError, match="'mine', completion, line 1"):
        render_completion(replace(template, completion=code), {"title": "Heat"})


@pytest.mark.parametrize(
    "code",
    [
        "{% macro m() %}{{ item.title }}{% endmacro %}{{ item.title }}",
        "{% filter upper %}{{ item.title }}{% endfilter %}",
        "{% set x %}{{ item.title }}{% endset %}{{ x }}",
        "{{ item.title }}" + " " * 100_000,
    ],
)
def test_what_cannot_be_measured_is_refused(template: Template, code: str) -> None:
    with pytest.raises(UserError, match="'mine', completion"):
        check_template(replace(template, completion=code))


def test_what_is_in_bounds_is_as_it_was(template: Template) -> None:
    code = "{{ item.title ~ '-' ~ 2 }} {{ [1, 2] | sum }} {{ 'a,b'.replace(',', ';') }} {{ 'a' + 'b' }}"
    code += " {{ [1, 2, 3] | batch(2, 0) | map('join', '.') | join(' ') }} {{ ','.join(['x', 'y']) }}"
    rendered = render_completion(replace(template, completion=code), {"title": "Heat"})
    assert rendered == "Heat-2 3 a;b ab 1.2 3.0 x,y"
