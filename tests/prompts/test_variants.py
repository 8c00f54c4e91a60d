from dataclasses import replace

import pytest

from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.prompts.rendering import render_prompt
from promptrec_tui.prompts.template import Template, check_template
from promptrec_tui.prompts.variants import newest_first, without, words

FILMS = Template(
    name="films",
    task="next_item",
    language="en",
    prompt="I've seen these films, latest last:\n{% for item in history %}{{ item.title }} film\n{% endfor %}"
    "{# a note #}Which films next?\n",
    completion="{{ item.title }}",
)
HISTORY = [{"title": "Alien"}, {"title": "Heat"}]


def test_only_what_the_prompt_says_itself_is_a_word() -> None:
    assert words(FILMS) == ["I've", "seen", "these", "films", "latest", "last", "film", "Which", "next"]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("films", "I've seen these, latest last:\nAlien film\nHeat film\nWhich next?\n"),
        ("film", "I've seen these films, latest last:\nAlien\nHeat\nWhich films next?\n"),
        ("I've", "seen these films, latest last:\nAlien film\nHeat film\nWhich films next?\n"),
        ("next", "I've seen these films, latest last:\nAlien film\nHeat film\nWhich films?\n"),
    ],
)
def test_a_word_is_left_out_wherever_it_stands_and_nowhere_else(word: str, text: str) -> None:
    assert render_prompt(without(FILMS, word), HISTORY) == text


def test_a_title_that_is_such_a_word_stays() -> None:
    assert "next film" in render_prompt(without(FILMS, "next"), [{"title": "next"}])


@pytest.mark.parametrize("template", builtin_templates(), ids=lambda template: template.name)
def test_every_built_in_template_loses_a_word_and_can_still_be_rendered(template: Template) -> None:
    for word in words(template) if template.task == "next_item" else []:
        shorter = without(template, word)
        check_template(shorter)
        assert word not in words(shorter)
        assert "Heat" in render_prompt(shorter, HISTORY)


def test_the_history_turned_round_is_a_template_like_any_other() -> None:
    turned = newest_first(FILMS)
    assert turned is not None
    check_template(turned)
    text = render_prompt(turned, HISTORY)
    assert text.index("Heat") < text.index("Alien")


def test_a_cut_history_is_turned_round_too() -> None:
    turned = newest_first(replace(FILMS, prompt="{% for item in history[-1:] %}{{ item.title }}{% endfor %}"))
    assert turned is not None
    assert render_prompt(turned, HISTORY) == "Heat"


@pytest.mark.parametrize(
    "prompt", ["{{ history[0].title }}", "{% for item in history | reverse %}{{ item.title }}{% endfor %}"]
)
def test_what_has_no_plain_loop_is_not_turned(prompt: str) -> None:
    assert newest_first(replace(FILMS, prompt=prompt)) is None
