"""Prompts of texts that get a label."""

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.tasks.classify import classify


def test_a_text_that_is_too_long_is_named(apart: TextTokenizer) -> None:
    template = next(each for each in builtin_templates() if each.name == "label")
    task = classify(template, apart, [({"text": "good"}, "yes"), ({"text": "bad"}, "no")], apart.context)
    assert len(task.prompt({"text": "good"}).token_ids) <= task.room
    words = "the text 'long \\[31mlong long .*shorten the text or the template"
    with pytest.raises(UserError, match=words):
        task.prompt({"text": "long \x1b[31m" + "long " * 2000})
