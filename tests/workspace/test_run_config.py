"""The configuration of a run as people read it."""

import shlex
from pathlib import Path

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.tui.widgets.config_text import config_lines
from promptrec_tui.workspace.new_runs import NewRun, start_run
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.run_config import new_command, run_config
from promptrec_tui.workspace.runs import run_folder
from promptrec_tui.workspace.settings import read_settings_toml
from tests.workspace.test_lineage import here  # noqa: F401


def test_it_shows_what_differs_from_the_defaults_of_a_new_run(here: Workspace) -> None:  # noqa: F811
    changed = {
        each.key: (each.value, each.default) for each in run_config(here, "one").settings if each.changed
    }
    assert changed == {"run.device": ("cpu", "auto"), "train.epochs": ("7", "3"), "tuning.rank": ("4", "16")}
    start_run(here, NewRun("plain", "shop", "next_item", "list", "tiny", {}))
    assert not any(setting.changed for setting in run_config(here, "plain").settings)
    start_run(here, NewRun("whole", "shop", "next_item", "list", "tiny", {"tuning.method": "full"}))
    assert not any(setting.changed for setting in run_config(here, "whole").settings)


@pytest.mark.parametrize("settings", [{}, {"train.epochs": 7, "tuning.rank": 4}, {"tuning.method": "full"}])
def test_its_command_makes_the_same_run(here: Workspace, settings: dict[str, object]) -> None:  # noqa: F811
    start_run(here, NewRun("a run", "shop", "next_item", "list", "tiny", settings))
    words = shlex.split(run_config(here, "a run").command)
    assert words[:3] == ["promptrec", "run", "start"]
    pairs = list(zip(words[3::2], words[4::2], strict=True))
    given = dict(value.split("=", 1) for option, value in pairs if option == "--set")
    named = dict(pairs)
    parts = (named[f"--{part}"] for part in ("dataset", "task", "template", "model"))
    start_run(here, NewRun("again", *parts, given))
    assert run_folder(here, "again").spec().settings == run_folder(here, "a run").spec().settings


def test_its_toml_makes_the_same_run(here: Workspace, tmp_path: Path) -> None:  # noqa: F811
    given = {"train.epochs": 7, "evaluation.baselines": "popularity,ease", "run.device": "cpu"}
    start_run(here, NewRun("a run", "shop", "next_item", "list", "tiny", given))
    file = tmp_path / "config.toml"
    file.write_text(run_config(here, "a run").toml)
    start_run(here, NewRun("again", "shop", "next_item", "list", "tiny", read_settings_toml(file)))
    assert run_folder(here, "again").spec().settings == run_folder(here, "a run").spec().settings


def test_a_run_whose_model_is_gone_is_shown(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def gone(*args: object) -> None:
        raise UserError("There is no such model.")

    monkeypatch.setattr("promptrec_tui.workspace.run_config.find_model", gone)
    assert "train.learning_rate" in {each.key for each in run_config(here, "one").settings if each.changed}


def test_its_text_shows_changes_first_and_no_markup(here: Workspace) -> None:  # noqa: F811
    start_run(here, NewRun("[red]x", "shop", "next_item", "list", "tiny", {"train.epochs": 7}))
    lines = config_lines(run_config(here, "[red]x"))
    text = "\n".join(line.text for line in lines)
    assert "[red]x" in text
    assert text.index("settings that differ from the defaults: 1") < text.index("train.epochs")
    assert text.index("train.epochs") < text.index("settings at their defaults") < text.index("tuning.rank")
    assert "7  default 3" in text
    assert "train.epochs=7" in {line.copies for line in lines}
    assert text.index("\n  tuning\n") < text.index("tuning.rank") < text.index("\n  train\n")
    start_run(here, NewRun("plain", "shop", "next_item", "list", "tiny", {}))
    plain = config_lines(run_config(here, "plain"))
    assert "settings that differ from the defaults: none" in {line.text for line in plain}


def test_the_command_of_a_form_is_that_of_the_run_that_it_starts(here: Workspace) -> None:  # noqa: F811
    new = NewRun("formed", "shop", "next_item", "list", "tiny", {"train.epochs": "9", "tuning.rank": "16"})
    command = new_command(here, new)
    assert command.endswith("--model tiny --set train.epochs=9")
    start_run(here, new)
    assert run_config(here, "formed").command == command
    with pytest.raises(UserError, match="exists already"):
        new_command(here, new)
