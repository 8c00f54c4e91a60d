"""How `promptrec classify` shows its answers."""

import pytest

from promptrec_tui.cli import classify
from promptrec_tui.cli.main import run_command
from promptrec_tui.workspace.classify import ScoredText


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
