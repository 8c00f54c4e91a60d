from dataclasses import replace

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.rendering import render_completion, render_prompt
from promptrec_tui.prompts.template import Template

HISTORY = [{"title": "Heat", "year": "1995"}, {"title": "{{ 7 * 7 }}<b>", "year": "007"}]


def test_text_is_put_in_as_it_is(template: Template) -> None:
    assert render_prompt(template, HISTORY) == "Seen: Heat; {{ 7 * 7 }}<b>; next:"
    assert render_completion(template, HISTORY[1]) == "{{ 7 * 7 }}<b>"


def test_last_newlines_stay(template: Template) -> None:
    assert render_prompt(replace(template, prompt="{{ history[1].year }}\n\n"), HISTORY) == "007\n\n"


@pytest.mark.parametrize("column", ["items", "values", "keys", "pop", "title"])
def test_a_column_may_be_called_like_a_method(template: Template, column: str) -> None:
    assert render_completion(replace(template, completion=f"{{{{ item.{column} }}}}"), {column: "x"}) == "x"


def test_a_missing_attribute_names_line_and_nearest(template: Template) -> None:
    wrong = replace(template, prompt="Films\n{% for item in history %}\n{{ item.titel }}{% endfor %}")
    with pytest.raises(
        UserError, match=r"'mine', prompt, line 3: .*'titel'.*title, year.*Did you mean 'title'"
    ):
        render_prompt(wrong, HISTORY)
    spared = replace(template, completion="{{ item.title }}{% if item.director is defined %}!{% endif %}")
    assert render_completion(spared, HISTORY[0]) == "Heat"


@pytest.mark.parametrize(
    "code",
    [
        "{{ item.__class__ }}",
        "{{ item.__class__.__mro__[1].__subclasses__() }}",
        "{{ item.title.__class__.__base__ }}",
        "{{ ''['__class__'] }}{{ item.title }}",
        "{{ item['__init__'].__globals__ }}",
        "{{ (item | attr('__class__')) }}",
        "{{ [item] | map(attribute='__class__') | join }}",
        "{{ item.update({'title': 'x'}) }}",
        "{% set x = item.pop('title') %}{{ x }}",
        "{{ item.title.format() }}",
        "{{ item.title.center(300000000) }}",
        "{{ item.title * 900000000 }}",
        "{{ '%0900000000d' % 1 }}{{ item.title }}",
        "{{ 9 ** 9 ** 9 }}{{ item.title }}",
        "{{ item.title | format }}",
        "{{ [item.title, 'b'] | random }}",
        "{{ cycler }}{{ item.title }}",
        "{{ lipsum() }}{{ item.title }}",
        "{{ self._TemplateReference__context }}{{ item.title }}",
        "{{ item.title.upper }}",
        "{{ item }}",
        "{{ item.title / 0 }}",
        "{% for x in [item] recursive %}{{ loop([item]) }}{% endfor %}",
    ],
)
def test_the_sandbox_refuses(template: Template, code: str) -> None:
    item = {"title": "Heat"}
    with pytest.raises(UserError, match="'mine', completion, line 1"):
        render_completion(replace(template, completion=code), item)
    assert item == {"title": "Heat"}


def test_numbers_may_be_reckoned(template: Template) -> None:
    sums = "{{ history | length * 2 }}{% for item in history %}{{ loop.index % 2 }}{% endfor %}"
    assert render_prompt(replace(template, prompt=sums), HISTORY) == "410"
