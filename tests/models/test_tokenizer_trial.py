import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.models import tokenizer_trial
from promptrec_tui.models.check import check_model
from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.models.tokenizer_trial import tokenizer_problem, try_tokenizer
from promptrec_tui.prompts.tokens import load_tokenizer

Spoil = Callable[[dict[str, Any]], Any]


# Each makes the native library panic: in the first three while the file is read, in the last one at a text.
PANICS: list[Spoil] = [
    lambda tokenizer: tokenizer["model"].update(continuing_subword_prefix="###########"),
    lambda tokenizer: tokenizer.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    lambda tokenizer: tokenizer.update(model={"type": "BPE", "vocab": {"a": 0, "b": 5}, "merges": ["a b"]}),
    lambda tokenizer: tokenizer.update(
        post_processor={
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "X", "type_id": 0}}],
            "pair": [],
            "special_tokens": {},
        }
    ),
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED, tmp_path / "model"))


def change(folder: Path, spoil: Spoil) -> None:
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    spoil(tokenizer)
    file.write_text(json.dumps(tokenizer))


def test_a_sound_tokenizer_passes() -> None:
    assert tokenizer_problem(EMBEDDED) == ""


@pytest.mark.parametrize("number", range(len(PANICS)))
def test_a_panic_is_a_sentence(model: Path, number: int) -> None:
    change(model, PANICS[number])
    assert check_model(model).ok
    assert "tokenizer.json is not a" in try_tokenizer(model)
    with pytest.raises(UserError, match=r"tokenizer\.json is not a"):
        load_tokenizer(model)


def test_a_panic_costs_a_child_process_only(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change(model, PANICS[0])
    assert "tokenizer.json is not a readable tokenizer" in tokenizer_problem(model)
    assert capfd.readouterr() == ("", "")


def test_a_child_that_dies_is_a_sentence(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_trial.sys, "executable", "/bin/false")
    assert "the library that reads it fails on it" in tokenizer_problem(model)


def test_a_trial_has_an_end(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_trial, "SECONDS", 0)
    assert "took more than 0 seconds" in tokenizer_problem(model)


def test_a_text_without_tokens_is_no_damage(model: Path) -> None:
    words = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"}
    change(model, lambda tokenizer: tokenizer.update(model=words, pre_tokenizer=None, decoder=None))
    assert try_tokenizer(model) == ""
    with pytest.raises(UserError, match="cannot spell 'The Matrix'"):
        load_tokenizer(model).encode("The Matrix")


def test_the_trial_is_made_by_a_process_without_torch() -> None:
    code = "import promptrec_tui.models.tokenizer_trial, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([tokenizer_trial.sys.executable, "-c", code], check=False).returncode == 0
