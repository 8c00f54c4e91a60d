import re

import pytest

from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.prompts.rendering import render_completion, render_prompt
from promptrec_tui.prompts.template import Template, check_template

BUILTIN = {template.name: template for template in builtin_templates()}
HISTORY = [{"title": "英雄"}, {"title": "Heat"}]


@pytest.mark.parametrize("template", BUILTIN.values(), ids=BUILTIN)
def test_every_one_is_right_and_needs_only_titles(template: Template) -> None:
    check_template(template)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", template.name)
    prompt = render_prompt(template, HISTORY)
    assert prompt.index("英雄") < prompt.index("Heat")
    assert "Heat" in render_completion(template, HISTORY[1])


def test_the_general_one_comes_first() -> None:
    assert next(iter(BUILTIN)) == "list"
    assert {template.language for template in BUILTIN.values()} == {"any", "en", "zh"}


def test_what_they_say() -> None:
    assert render_prompt(BUILTIN["list"], HISTORY) == "英雄\nHeat\n"
    assert render_prompt(BUILTIN["next-film-zh"], HISTORY) == "如果你喜欢《英雄》《Heat》，你会喜欢哪部电影？"
    assert render_completion(BUILTIN["next-film-zh"], HISTORY[0]) == "《英雄》"
    assert render_prompt(BUILTIN["next-item-en"], HISTORY).endswith("1. 英雄\n2. Heat\nThe next choice:\n")
