import re

import pytest

from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.prompts.rendering import render, render_completion, render_prompt
from promptrec_tui.prompts.template import Template, check_template

BUILTIN = {template.name: template for template in builtin_templates()}
RANKING = [template for template in BUILTIN.values() if template.task == "next_item"]
LABELLING = [template for template in BUILTIN.values() if template.task == "classify"]
HISTORY = [{"title": "英雄"}, {"title": "Heat"}]
SHOT = {"text": "solved", "label": "yes"}


def name(template: Template) -> str:
    return template.name


@pytest.mark.parametrize("template", RANKING, ids=name)
def test_every_one_is_right_and_needs_only_titles(template: Template) -> None:
    check_template(template)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", template.name)
    prompt = render_prompt(template, HISTORY, [{"history": [{"title": "seen"}], "item": {"title": "next"}}])
    assert prompt.index("英雄") < prompt.index("Heat")
    assert ("seen" in prompt and "next" in prompt[: prompt.index("英雄")]) == ("few-shot" in template.name)
    assert "Heat" in render_completion(template, HISTORY[1])


@pytest.mark.parametrize("template", LABELLING, ids=name)
def test_those_for_labels_need_only_a_text(template: Template) -> None:
    check_template(template)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", template.name)
    values = {"example": {"text": "asked"}, "labels": ("yes", "no"), "shots": [SHOT]}
    prompt = render(template, "prompt", values)
    assert "asked" in prompt
    assert ("solved" in prompt) == ("few-shot" in template.name)
    assert "my_label" in render(template, "completion", {"label": "my_label"}).replace(" ", "_")


def test_the_general_one_comes_first() -> None:
    assert next(iter(BUILTIN)) == "list"
    assert LABELLING[0].name == "label"
    assert {template.language for template in BUILTIN.values()} == {"any", "en", "zh"}
    assert {template.wrap for template in BUILTIN.values()} == {"auto", "chat"}
    assert min(len(RANKING), len(LABELLING)) >= 10


def test_the_hashes_that_runs_know() -> None:
    known = {
        "list": "3b151a1f",
        "list-zh": "56c2b74c",
        "next-film-en": "9fac321d",
        "next-film-zh": "9eb79ae0",
        "next-item-en": "b557a5a2",
        "next-item-zh": "01cfcd5b",
    }
    assert {name: BUILTIN[name].sha256[:8] for name in known} == known


def test_what_they_say() -> None:
    assert render_prompt(BUILTIN["list"], HISTORY) == "英雄\nHeat\n"
    assert render_prompt(BUILTIN["next-film-zh"], HISTORY) == "如果你喜欢《英雄》《Heat》，你会喜欢哪部电影？"
    assert render_completion(BUILTIN["next-film-zh"], HISTORY[0]) == "《英雄》"
    assert render_prompt(BUILTIN["next-item-en"], HISTORY).endswith("1. 英雄\n2. Heat\nThe next choice:\n")
