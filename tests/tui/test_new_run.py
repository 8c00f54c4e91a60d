"""The form of a new run: it starts real runs, except that nothing fetches them from the queue."""

import pytest
from textual.widgets import Input, Select, Static, TextArea

from promptrec_tui.clock import now
from promptrec_tui.errors import UserError
from promptrec_tui.runs.tuning_settings import LoraSettings
from promptrec_tui.store.models import ModelRow
from promptrec_tui.store.models import add_model as list_model
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.screens.new_run import NewRunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.widgets.fields import key_values
from promptrec_tui.workspace import run_forms
from promptrec_tui.workspace.classify import classify
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.lineage import fork, fork_run
from promptrec_tui.workspace.new_runs import NewRun, start_run
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.recommend import recommend
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.runs import find_run


@pytest.fixture(autouse=True)
def _no_dispatch(monkeypatch):
    for place in ("runs", "queue"):
        monkeypatch.setattr(f"promptrec_tui.workspace.{place}.spawn_dispatch", lambda home: None)


def field(app, name) -> Input:
    return app.screen.query_one(f"#{name}", Input)


async def open_form(pilot, until) -> None:
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen) and field(pilot.app, "name").value)


async def test_the_defaults_start_a_run_with_the_changes_that_were_made(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        assert field(app, "name").value.startswith("shop-")
        assert app.screen.query_one("#dataset", Select).value == "shop"
        assert field(app, "train-epochs").value == "3"
        field(app, "name").value = "mine [/INST]"
        field(app, "train-epochs").value = "7"
        app.screen.query_one("#model", Select).value = "small"
        app.screen.query_one("#more", TextArea).text = "# longer\ntrain.patience = 9\n"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not isinstance(app.screen, NewRunScreen))
        with opened(shop_home) as workspace:
            row = find_run(workspace, "mine [/INST]")
            settings = run_document(workspace, row.id)["spec"]["settings"]
        assert (row.dataset, row.model) == ("shop", "small")
        assert (settings["train"]["epochs"], settings["train"]["patience"]) == (7, 9)
        assert not app.recall("drafts", {})


async def test_a_problem_is_one_sentence_and_nothing_is_lost(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        problem = app.screen.query_one("#problem", Static)
        field(app, "tuning-rank").value = "many"
        field(app, "train-seed").value = "5"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "tuning.rank cannot be 'many'" in problem.visual.plain)
        assert app.focused is field(app, "tuning-rank")
        assert field(app, "train-seed").value == "5"
        field(app, "tuning-rank").value = "4"
        app.screen.query_one("#more", TextArea).text = "train.patiense=3"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "Did you mean 'train.patience'" in problem.visual.plain)
        app.screen.query_one("#more", TextArea).text = "train.epochs=3"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "train.epochs has a field of its own" in problem.visual.plain)
        app.screen.query_one("#template", Select).clear()
        await pilot.press("ctrl+r")
        await until(pilot, lambda: problem.visual.plain == "Choose a template.")


async def test_a_form_that_is_left_keeps_what_was_typed_until_it_is_reset(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        name = field(app, "name").value
        field(app, "name").value = "half"
        field(app, "train-epochs").value = "9"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await open_form(pilot, until)
        await until(pilot, lambda: field(app, "name").value == "half")
        assert field(app, "train-epochs").value == "9"
        await pilot.press("f4")
        await until(pilot, lambda: field(app, "name").value == name)
        assert field(app, "train-epochs").value == "3"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert not app.recall("drafts", {})


async def test_another_model_brings_its_own_defaults_but_not_over_what_was_typed(shop_home, until):
    with opened(shop_home) as workspace:
        large = ModelRow("l", "large", "/models/large", "0" * 64, "causal", "qwen3", 10**9, False, "", now())
        list_model(workspace.catalogue, large)
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        field(app, "tuning-rank").value = "3"
        app.screen.query_one("#model", Select).value = "small"
        await until(pilot, lambda: field(app, "name").value == "shop-small")
        assert float(field(app, "train-learning_rate").value) == 3e-3
        app.screen.query_one("#model", Select).value = "large"
        await until(pilot, lambda: field(app, "name").value == "shop-large")
        assert float(field(app, "train-learning_rate").value) == 1e-4
        assert field(app, "tuning-rank").value == "3"


async def test_without_a_dataset_the_form_leads_to_the_import(home, until, screen_text):
    app = PromptrecApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: "A run needs a dataset" in screen_text(app))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen))


def test_lines_of_pairs():
    assert key_values("a = b=c\n\n# note\nd=e", "the lines", "x=y") == {"a": "b=c", "d": "e"}
    for wrong in ("a", "=b", "a="):
        with pytest.raises(UserError, match="Line 2 of the lines"):
            key_values(f"x=y\n{wrong}", "the lines", "x=y")
    with pytest.raises(UserError, match="second time"):
        key_values("a=1\na=2", "the lines", "x=y")


async def test_the_field_in_focus_is_the_one_that_is_wrong_and_not_the_one_of_the_hint(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        problem = app.screen.query_one("#problem", Static)
        app.screen.query_one("#more", TextArea).text = "evaluation.k=5"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "evaluation.k" in problem.visual.plain)
        form = app.screen
        for sentence, focused in (
            ("tuning.rank cannot be 0: give train.epochs.", "tuning-rank"),
            ("evaluation.k is 5: set train.epochs=3.", "more"),
            ("There is no setting 'train.epoch'. Did you mean 'train.epochs'?", None),
            ("Run tuning.ranking is taken: choose another name.", None),
        ):
            before = field(app, "name")
            before.focus()
            await pilot.pause()
            form.show_problem(sentence)
            await pilot.pause()
            assert app.focused.id == (focused or before.id), sentence


async def test_the_template_says_what_is_asked(shop_home, until, tmp_path):
    lines = [f"text {number},{'good' if number % 2 else 'bad'},train" for number in range(20)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label,split", *lines]))
    with opened(shop_home) as workspace:
        import_source(workspace, tmp_path / "texts.csv", "reviews", ImportOptions(format="labelled"))
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        app.screen.query_one("#dataset", Select).value = "reviews"
        app.screen.query_one("#template", Select).value = "label"
        await until(pilot, lambda: field(app, "evaluation-users").value == "1000")
        await until(pilot, lambda: not field(app, "data-max_history").parent.display)
        others = app.screen.query_one("#others", Static).visual.plain
        assert "train.patience" in others
        assert "evaluation.seen" not in others
        field(app, "name").value = "moods"
        more = app.screen.query_one("#more", TextArea)
        more.text = "data.max_history=3"
        await pilot.press("ctrl+r")
        problem = app.screen.query_one("#problem", Static)
        said = "data.max_history is a setting of the task next_item"
        await until(pilot, lambda: said in problem.visual.plain)
        more.text = ""
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not isinstance(app.screen, NewRunScreen))
        with opened(shop_home) as workspace:
            row = find_run(workspace, "moods")
            settings = run_document(workspace, row.id)["spec"]["settings"]
            with pytest.raises(UserError, match=r"gives texts their labels.*classify moods TEXT"):
                recommend(workspace, "moods", titles=["Up"])
            with pytest.raises(UserError, match="There is no text to classify"):
                classify(workspace, "moods", [])
            # A fork's form has what the run uses; a run of before there was this check has more.
            assert "data.max_history" not in fork(workspace, "moods").settings
            with pytest.raises(UserError, match=r"evaluation\.seen is a setting of the task next_item"):
                fork_run(workspace, "moods", settings={"evaluation.seen": "kept"})
            with pytest.raises(UserError, match="ndcg@10 is not measured by the task classify"):
                fork_run(workspace, "moods", settings={"train.monitor": "ndcg@10"})
            forked = fork_run(workspace, "moods", settings={"train.epochs": "1"})
            assert run_document(workspace, forked.id)["spec"]["settings"]["train"]["epochs"] == 1
    assert (row.task, row.dataset) == ("classify", "reviews")
    assert settings["train"]["monitor"] == "macro_f1"


async def test_another_method_brings_its_own_fields_and_defaults(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        method = app.screen.query_one("#tuning-method", Select)
        assert method.value == "lora"
        rate = float(field(app, "train-learning_rate").value)
        rank = field(app, "tuning-rank").parent
        assert rank.display
        method.value = "last_layers"
        await until(pilot, lambda: not rank.display)
        assert float(field(app, "train-learning_rate").value) == pytest.approx(rate / 10)
        more = app.screen.query_one("#more", TextArea)
        more.text = "tuning.alpha=3"
        await pilot.press("ctrl+r")
        problem = app.screen.query_one("#problem", Static)
        await until(pilot, lambda: "tuning.alpha is a setting of tuning.method=lora" in problem.visual.plain)
        more.text = "tuning.layers=1"
        name = field(app, "name").value
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not isinstance(app.screen, NewRunScreen))
        with opened(shop_home) as workspace:
            settings = run_document(workspace, name)["spec"]["settings"]
        assert settings["tuning"] == {"method": "last_layers", "layers": 1}


@pytest.mark.parametrize(
    ("method", "tuning", "precision"),
    [("full", {"method": "full"}, "fp32"), ("lora", LoraSettings().model_dump(), "auto")],
)
async def test_a_fork_starts_with_its_method_or_another(shop_home, until, method, tuning, precision):
    with opened(shop_home) as workspace:
        settings = {"run.device": "cpu", "tuning.method": "full"}
        start_run(workspace, NewRun("whole", "shop", "next_item", "list", "tiny", settings))
        derived = run_forms.fork(workspace, "whole")
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.push_screen(NewRunScreen(derived))
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen) and field(app, "name").value)
        app.screen.query_one("#tuning-method", Select).value = method
        await until(pilot, lambda: field(app, "tuning-rank").parent.display == (method == "lora"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not isinstance(app.screen, NewRunScreen))
    with opened(shop_home) as workspace:
        whole, forked = (run_document(workspace, name)["spec"]["settings"] for name in ("whole", "whole-2"))
    assert (forked["tuning"], forked["train"]["precision"]) == (tuning, precision)
    # All weights of so small a model are trained at LoRA's own rate.
    assert forked["train"]["learning_rate"] == whole["train"]["learning_rate"]
