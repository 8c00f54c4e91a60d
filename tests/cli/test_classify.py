"""How `promptrec classify` shows its answers."""

import json

import pytest

from promptrec_tui.cli import classify
from promptrec_tui.cli.main import run_command
from promptrec_tui.workspace.classify import ScoredText


@pytest.mark.parametrize(
    ("cuts", "sentence"),
    [
        ([512], "The text was cut to 512 tokens: the model reads no more."),
        (
            [None, 512, 512],
            "2 of 3 texts were cut to 512 tokens: the model reads no more (--json says which).",
        ),
        ([None], ""),
        ([None, None], ""),
    ],
)
def test_a_text_that_was_cut_is_reported(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    home: object,
    cuts: list[int | None],
    sentence: str,
) -> None:
    answers = [ScoredText("a text", "good", {"good": 1.0}, cut) for cut in cuts]
    monkeypatch.setattr(classify, "classify", lambda *given, **named: answers)
    assert run_command(["classify", "run", "a text"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == sentence if sentence else not any("cut" in line for line in lines)
    assert run_command(["classify", "run", "a text", "--json"]) == 0
    assert [each["cut"] for each in json.loads(capsys.readouterr().out)] == cuts


def test_the_labels_of_one_text_stand_below_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: object
) -> None:
    weights = {f"label {number:02d}\x1b[2J": number / 78 for number in range(13)}
    answer = [ScoredText("a text", "label 12", weights)]
    monkeypatch.setattr(classify, "classify", lambda *given, **named: answer)
    assert run_command(["classify", "run", "a text"]) == 0
    header, first, *rest = capsys.readouterr().out.splitlines()
    assert header.split() == ["label", "probability"]
    assert first.split() == ["label", "12[2J", "0.1538"]
    assert len(rest) == 10
    assert rest[-1] == "and 3 more labels (--json has all)"
