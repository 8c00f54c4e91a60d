"""What forms teach: fields say what they are for, changes are marked, settings are completed and searched."""

from typing import Any

import pytest
from textual.widgets import Input, Static

from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.screens.new_run import NewRunScreen
from promptrec_tui.tui.widgets.settings_area import SettingsArea, completion, matching
from promptrec_tui.workspace import run_forms
from promptrec_tui.workspace.new_runs import NewRun, start_run
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.settings import setting_rows


@pytest.fixture(autouse=True)
def _no_dispatch(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("runs", "queue"):
        monkeypatch.setattr(f"promptrec_tui.workspace.{place}.spawn_dispatch", lambda home: None)


def said(app: PromptrecApp, id: str) -> str:
    return app.screen.query_one(f"#{id}", Static).visual.plain


async def test_a_new_run_tells_of_each_field_what_it_takes_and_the_command(shop_home, until, monkeypatch):
    copied: list[str] = []
    monkeypatch.setattr(PromptrecApp, "copy_to_clipboard", lambda self, text: copied.append(text))
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen) and app.focused)
        await until(pilot, lambda: "What to call the run." in said(app, "teaching"))
        epochs = app.screen.query_one("#train-epochs", Input)
        epochs.focus()
        line = "Passes over the training targets.  --set train.epochs: a whole number, at least 1; default 3"
        await until(pilot, lambda: said(app, "teaching") == line)
        # The estimate follows what is typed, and says what is wrong with it.
        await until(pilot, lambda: "steps" in said(app, "estimate"))
        before = said(app, "estimate")
        epochs.value = "9"
        await until(pilot, lambda: said(app, "estimate") != before)
        assert "◆ epochs" in epochs.parent.query_one(".label", Static).visual.plain
        epochs.value = "none"
        await until(pilot, lambda: "train.epochs cannot be 'none'" in said(app, "estimate"))
        epochs.value = "9"
        await pilot.press("f5")
        await until(pilot, lambda: copied)
        assert copied[0].startswith("promptrec run start --name shop-")
        assert copied[0].endswith("--set train.epochs=9")
        epochs.value = "3"
        await until(pilot, lambda: epochs.parent.query_one(".label", Static).visual.plain == "epochs")


async def test_more_settings_are_completed_and_searched(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen) and app.focused)
        area = app.screen.query_one(SettingsArea)
        area.focus()
        await pilot.press(*"train.pat", "right", "right")
        await until(pilot, lambda: area.text == "train.patience=3")
        await pilot.press("enter", *"gradients")
        await until(pilot, lambda: "train.max_grad_norm" in said(app, "teaching"))
        assert "train.max_grad_norm" in said(app, "others")
        assert "train.optimizer" not in said(app, "others")
        await pilot.press("right")
        await until(pilot, lambda: area.text == "train.patience=3\ntrain.max_grad_norm=")


def test_settings_are_found_by_key_and_by_purpose() -> None:
    rows = setting_rows()
    assert [row.key for row in matching("train patience", rows)] == ["train.patience"]
    assert "train.warmup" in [row.key for row in matching("climbs", rows)]
    for nothing in ("", "train.patience=3", "# epochs", "zzz"):
        assert matching(nothing, rows) == []
    assert completion("evaluation.bl", rows) == "end="
    assert completion("train.epochs=", rows) == "3"
    assert completion("train.epochs=4", rows) == completion("nothing", rows) == ""
    assert all(row.why.endswith(".") and len(row.why) < 90 for row in rows)


async def test_a_fork_marks_what_differs_from_the_old_run(shop_home, until):
    with opened(shop_home) as workspace:
        start_run(workspace, NewRun("old", "shop", "next_item", "list", "tiny", {"train.epochs": 7}))
        derived = run_forms.fork(workspace, "old")
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(NewRunScreen(derived))
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen) and app.focused)
        epochs = app.screen.query_one("#train-epochs", Input)
        await until(pilot, lambda: epochs.value == "7")
        assert not app.screen.query(".-changed")
        epochs.focus()
        epochs.value = "8"
        await until(
            pilot,
            lambda: [place.children[1].id for place in app.screen.query(".-changed")] == ["train-epochs"],
        )
        assert said(app, "teaching").endswith("in the old run 7")


async def test_an_error_focuses_the_field_that_it_is_about(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen) and app.focused)
        form: Any = app.screen
        for sentence, focused in (
            ("There is no template 'lits'. Did you mean 'list'?", "template"),
            ("Dataset 'shop' has no texts, which the task needs.", "dataset"),
            ("A run called 'first' exists already: choose another name.", "name"),
            ("The run name 'a@b' has an @: leave it out.", "name"),
        ):
            form.query_one("#more").focus()
            form.show_problem(sentence)
            await until(pilot, lambda focused=focused: app.focused and app.focused.id == focused)
        form.query_one("#train-seed", Input).value = ""
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.focused and app.focused.id == "train-seed")


async def test_an_import_tells_its_options_and_copies_its_command(shop_home, shop, until, monkeypatch):
    copied: list[str] = []
    monkeypatch.setattr(PromptrecApp, "copy_to_clipboard", lambda self, text: copied.append(text))
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2", "i")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen) and app.focused)
        await until(pilot, lambda: "a file, a folder or a zip" in said(app, "teaching"))
        await pilot.press("f5")
        await until(pilot, lambda: "Say which file or folder to read." in said(app, "problem"))
        assert app.focused.id == "source"
        app.screen.query_one("#source", Input).value = str(shop / "events.csv")
        await until(pilot, lambda: app.screen.query_one("#name", Input).value == "events")
        await pilot.press("f5")
        await until(pilot, lambda: copied)
        assert copied == [f"promptrec dataset import --name=events --format=auto -- {shop / 'events.csv'}"]
