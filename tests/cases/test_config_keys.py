from pathlib import Path

import pytest

from promptrec_tui.workspace.models import check_folder

CASES = Path(__file__).parent / "config-keys"


@pytest.mark.parametrize(
    ("name", "left"), [("model", "use_mrope"), ("gpt2", "n_special, predict_special_tokens")]
)
def test_harmless_keys_of_published_configs_are_left_out(name: str, left: str) -> None:
    check = check_folder(CASES / name)
    assert check.problems == ()
    assert any(f"not used ({left})" in note for note in check.notes)
