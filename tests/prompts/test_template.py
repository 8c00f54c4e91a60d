from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template, check_template, parse_template_file, template_to_toml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\"\\\n\r\t\x7f\x00"))
FILLED = TEXTS.filter(str.strip)


@settings(deadline=None)
@given(st.builds(Template, FILLED, TEXTS, TEXTS, FILLED, FILLED, st.none() | TEXTS))
def test_a_template_file_gives_back_the_same_template(
    tmp_path_factory: pytest.TempPathFactory, template: Template
) -> None:
    path = tmp_path_factory.mktemp("files") / "mine.toml"
    path.write_bytes(template_to_toml(template).encode())
    assert parse_template_file(path) == template


def test_many_lines_are_written_as_lines(template: Template) -> None:
    text = template_to_toml(
        replace(template, prompt='{% for item in history %}"{{ item.title }}"\n{% endfor %}')
    )
    assert "prompt = '''\n{% for item in history %}\"{{ item.title }}\"\n{% endfor %}'''\n" in text


def test_the_hash_covers_all_but_the_name(template: Template) -> None:
    assert replace(template, name="other").sha256 == template.sha256
    changes = ({"prompt": "x"}, {"completion": "x"}, {"language": "zh"}, {"task": "x"}, {"end_token": "\n"})
    assert len({template.sha256, *(replace(template, **change).sha256 for change in changes)}) == 6


def test_task_and_language_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text("name = 'short'\nprompt = '{{ history[0].title }}'\ncompletion = '{{ item.title }}'\n")
    template = parse_template_file(path)
    assert (template.task, template.language, template.end_token) == ("next_item", "any", None)
    check_template(template)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = 'x'\nprompt = 'a'\ncompletoin = 'b'", "'completoin'.*Did you mean 'completion'"),
        (b"name = 'x'\nprompt = 'a'", "no completion"),
        (b"name = ' '\nprompt = 'a'\ncompletion = 'b'", "no name"),
        (b"name = 'x'\nprompt = 3\ncompletion = 'b'", "prompt must be text"),
        (b"name = 'x'\nprompt : 'a'", r"not TOML.*line 2"),
        (b"name = '\xff'", r"not UTF-8 \(byte 9\)"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"wrong.toml.*{message}"):
        parse_template_file(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone.toml cannot be read: No such file"):
        parse_template_file(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "next_itm"}, "'next_itm'.*Did you mean 'next_item'"),
        ({"prompt": "a\n{{ histroy }}"}, "prompt, line 2, column 4: 'histroy'.*Did you mean 'history'"),
        (
            {"prompt": "{{ item.title }}"},
            "prompt, line 1, column 4: 'item' is not known here, only 'history'",
        ),
        (
            {"completion": "{{ history }}"},
            "completion, line 1, column 4: 'history' is not known here, only 'item'",
        ),
        ({"completion": "{{ item.title }} {{ range(3) }}"}, "'range' is not known here"),
        ({"completion": "the same for all"}, "completion, never uses 'item'"),
        ({"prompt": "{% for item in [1] %}{{ item }}{% endfor %}"}, "prompt, never uses 'history'"),
        ({"prompt": "x\n\n{{ history }"}, "prompt, line 3"),
        ({"prompt": "{% for item in history %}"}, "prompt, line 1.*for"),
        (
            {"prompt": "{% fro item in history %}{% endfor %}"},
            "line 1, column 4: .*'fro'.*Did you mean 'for'",
        ),
        ({"prompt": "{{ history | joim }}"}, "line 1, column 14: .*'joim'.*Did you mean 'join'"),
        ({"prompt": "{{ history }}\n{% include 'x' %}"}, "line 2: a template cannot use other files"),
        ({"prompt": "{% extends 'x' %}{{ history }}"}, "line 1: a template cannot use other files"),
        ({"prompt": "{% for i in history %}" * 30 + "{% endfor %}" * 30}, "nested too deeply"),
        ({"prompt": "{{ " + "(" * 9999 + "history" + ")" * 9999 + " }}"}, "nested too deeply"),
        ({"end_token": ""}, "empty end_token"),
    ],
)
def test_a_wrong_template_says_where(template: Template, change: dict[str, str], message: str) -> None:
    check_template(template)
    with pytest.raises(UserError, match=rf"(?s)Template 'mine'.*{message}"):
        check_template(replace(template, **change))
