"""Requests and answers on the wire."""

import json
import subprocess
import sys
from typing import Any

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.serving.messages import (
    REQUESTS,
    Classify,
    Labelling,
    Rank,
    Ranking,
    Ready,
    Refusal,
    Request,
    ScoredItem,
    ScoredText,
    Scores,
    TopK,
    read_answer,
    read_object,
    read_request,
    write,
)


@pytest.mark.parametrize(
    "request_",
    [
        TopK(("i1", "007"), untuned=True),
        Rank(("霸王别姬",), "i2", exclude_seen=False),
        Scores(("i1",), target="i3"),
        Classify(("a text", 'with "quotes"\nand a line')),
    ],
)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    line = write(request_, id=3, verb=request_.verb)
    assert "\n" not in line
    value = read_object(line)
    assert value["id"] == 3
    assert read_request(value) == request_


def test_what_is_no_unicode_travels_as_a_question_mark() -> None:
    line = write(Classify(("caf\udce9",)), id=1, verb="classify")
    assert read_request(read_object(line)) == Classify(("caf?",))


@pytest.mark.parametrize(
    "answer",
    [
        Ready("cpu", "checkpoint-3"),
        Ranking("a\nb\n", (1, 2), 4, (ScoredItem("i1", "Up", -1.5, (7, 0)), ScoredItem("i2", "X", None, ()))),
        Labelling((ScoredText("a text", "good", {"bad": 0.25, "good": 0.75}),), "result"),
        Labelling((ScoredText("a text", "good", {"good": 1.0}, 512),)),
    ],
)
def test_an_answer_is_read_as_it_was_written(answer: Any) -> None:
    assert read_answer(type(answer), read_object(write(answer, id=1))) == answer


def test_requests_of_earlier_versions_are_read() -> None:
    old = {"id": 1, "verb": "top_k", "history": ["i1"], "k": 3, "later": {}}
    assert read_request(old) == TopK(("i1",), 3)
    assert read_request({"verb": "scores", "history": ["i1"], "target": None}) == Scores(("i1",))
    assert REQUESTS.keys() >= {"top_k", "rank", "scores"}


def test_the_keys_of_an_answer_are_those_of_earlier_versions() -> None:
    said = json.loads(write(Ranking("p", (1,), 0, (ScoredItem("i1", "Up", -1.0, (1,)),)), id=1))
    assert said.keys() == {"id", "adapter", "prompt", "prompt_token_ids", "dropped", "items", "rank", "nodes"}
    assert said["items"][0].keys() == {"key", "title", "logprob", "token_ids", "probability", "score"}
    assert json.loads(write(Ready("cpu"))) == {"ready": True, "device": "cpu", "adapter": None}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "must be a JSON object"),
        ("{", "must be a JSON object"),
        ("[1]", "must be a JSON object"),
        ('"top_k"', "must be a JSON object"),
        ("[" * 10_000, "must be a JSON object"),
        ("{}", "no verb 'None'"),
        ('{"verb": ["top_k"]}', "There is no verb"),
        ('{"verb": "topk"}', "Did you mean 'top_k'"),
        ('{"verb": "sing\\u001b[31m"}', "no verb 'sing[31m'"),
        ('{"verb": "top_k"}', "history is missing"),
        ('{"verb": "top_k", "history": "i1"}', "history is 'i1', not a list"),
        ('{"verb": "top_k", "history": [1]}', "history is 1, not a text"),
        ('{"verb": "top_k", "history": ["i1"], "k": -1}', "k is -1"),
        ('{"verb": "top_k", "history": ["i1"], "k": "many"}', "k is 'many'"),
        ('{"verb": "top_k", "history": ["i1"], "untuned": "no"}', "untuned is 'no', not true or false"),
        ('{"verb": "rank", "history": ["i1"]}', "target is missing"),
        ('{"verb": "classify", "texts": [{"text": "x"}]}', "texts is an object, not a text"),
    ],
)
def test_what_is_no_request_is_told_in_a_sentence(line: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read_request(read_object(line))
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_refusal_is_raised_and_a_strange_answer_named() -> None:
    with pytest.raises(UserError, match=r"^No memory\.$"):
        read_answer(Ranking, read_object(write(Refusal("No memory."), id=1)))
    with pytest.raises(UserError, match="prompt is missing"):
        read_answer(Ranking, {"items": []})


def test_messages_need_no_torch() -> None:
    code = "import sys, promptrec_tui.serving.messages, promptrec_tui.workspace.scoring; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "peft", "numpy"} & set(done.stdout.split())
