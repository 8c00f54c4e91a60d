"""Keys that people give to actions, and the file that keeps them."""

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.tui.actions import ACTIONS
from promptrec_tui.tui.keymap import clash, usable
from promptrec_tui.workspace.preferences import Preferences, load_preferences, save_preferences

BY_ID = {action.id: action for action in ACTIONS}


@pytest.mark.parametrize(
    ("action", "key", "sentence"),
    [
        ("runs.stop", "Z", ""),
        ("runs.stop", "n", "n means new already (Runs)"),
        ("runs.stop", "ctrl+p", "^p means palette already (Everywhere)"),
        ("runs.stop", "question_mark", "? means help already"),
        ("data.clean", "j", "j means down already (Moving in a table)"),
        ("app.help", "e", "e means edit already"),
        ("data.clean", "n", ""),
        ("form.start", "s", "in a form it is a letter"),
        ("form.start", "f9", ""),
        ("runs.stop", "escape", "the app needs it"),
        ("app.back", "escape", ""),
        ("runs.stop", "", "stop needs a key"),
    ],
)
def test_a_key_that_means_something_else_there_is_refused(action: str, key: str, sentence: str) -> None:
    told = clash(BY_ID[action], key, {})
    assert sentence in told
    assert bool(told) == bool(sentence)


def test_a_key_is_free_when_its_action_has_got_another_one() -> None:
    assert clash(BY_ID["runs.stop"], "i", {"runs.import": "Z"}) == ""


def test_what_cannot_be_used_is_told_and_the_rest_is_used() -> None:
    used, problems = usable({"runs.stop": "Z", "runs.stpo": "f9", "runs.pause": "Z", "data.lints": "f9,U"})
    assert used == {"runs.stop": "Z", "data.lints": "f9,U"}
    assert "Did you mean 'runs.stop'" in problems[0]
    assert "Z means stop already" in problems[1]


def test_preferences_are_kept_in_a_file_that_people_may_write(home: Home) -> None:
    home.create()
    assert load_preferences(home) == Preferences()
    kept = Preferences(True, {"runs.stop": "Z", "app.palette": "ctrl+p,:"})
    save_preferences(home, kept)
    assert load_preferences(home) == kept
    for text, sentence in (
        ("ascii = 1", "ascii must be true or false"),
        ("keys = 3", r"must be like \"runs.stop\" = \"x\""),
        ('[keys]\n"runs.stop" = 3', "must be like"),
        ("ascii =", "is not TOML"),
    ):
        home.preferences.write_text(text)
        with pytest.raises(UserError, match=sentence):
            load_preferences(home)
