"""Runs that are made of other runs, on folders; nothing is trained."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.datasets.importer import ImportOptions
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_folder, write_json
from promptrec_tui.home import Home
from promptrec_tui.models.blocks import block_count
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import FinishedEvent
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.settings import apply_settings, flat_settings
from promptrec_tui.runs.states import State
from promptrec_tui.runs.tuning_settings import LastLayersSettings
from promptrec_tui.store.models import add_model
from promptrec_tui.workspace import control, lineage
from promptrec_tui.workspace.datasets import import_source
from promptrec_tui.workspace.models import find_model
from promptrec_tui.workspace.new_runs import NewRun, make_spec, start_run
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.runs import list_runs, refresh, run_folder


@pytest.fixture
def here(home: Home, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace with a dataset and a run that waits; nothing is started."""
    monkeypatch.setattr("promptrec_tui.workspace.runs.spawn_dispatch", lambda _home: None)
    with opened(home) as workspace:
        options = ImportOptions(items=shop / "items.csv")
        import_source(workspace, shop / "events.csv", "shop", options)
        settings = {"run.device": "cpu", "train.epochs": 7, "tuning.rank": 4}
        start_run(workspace, NewRun("one", "shop", "next_item", "list", "tiny", settings))
        yield workspace


def trained(workspace: Workspace, run: str) -> RunFolder:
    """As if the run had written a result."""
    folder = run_folder(workspace, run)
    folder.adapter.mkdir(parents=True)
    (folder.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    write_json(folder.report, {"adapter_sha256": sha256_folder(folder.adapter)})
    return folder


def test_a_fork_is_equal_but_for_what_is_said(here: Workspace) -> None:
    row = lineage.fork_run(here, "one", settings={"train.accumulate": "4"})
    assert row.name == "one-2"
    old, new = (run_folder(here, run).spec() for run in ("one", "one-2"))
    assert flat_settings(new.settings) == {**flat_settings(old.settings), "train.accumulate": 4}
    changed = {"id", "name", "created", "settings"}
    assert new.model_dump(exclude=changed) == old.model_dump(exclude=changed)
    assert lineage.fork_run(here, "one").name == "one-3"
    with pytest.raises(UserError, match=r"train\.accumulate"):
        lineage.fork_run(here, "one", settings={"train.acumulate": "4"})
    with pytest.raises(UserError, match="exists already"):
        lineage.fork_run(here, "one", "one-2")


def test_a_continued_run_has_its_parents_adapter_and_shape(here: Workspace) -> None:
    parent = trained(here, "one")
    row = lineage.continue_run(here, "one", "more", settings={"train.epochs": "1"})
    folder = run_folder(here, row.name)
    spec = folder.spec()
    assert spec.parent is not None
    assert (spec.parent.name, spec.parent.sha256) == ("one", sha256_folder(parent.adapter))
    assert sha256_folder(folder.start) == spec.parent.sha256
    assert (spec.settings.tuning.rank, spec.settings.train.epochs) == (4, 1)


def test_the_defaults_of_a_fork_follow_its_method(here: Workspace) -> None:
    def settings(run: str) -> dict[str, Any]:
        return flat_settings(run_folder(here, run).spec().settings)

    lineage.fork_run(here, "one", "whole", {"tuning.method": "full"})
    rate = settings("one")["train.learning_rate"]
    lineage.fork_run(here, "one", "last", {"tuning.method": "last_layers"})
    # All weights of so small a model are trained at LoRA's own rate, the last layers at a tenth.
    assert settings("whole")["train.learning_rate"] == rate
    assert settings("last")["train.learning_rate"] == pytest.approx(rate / 10)
    assert (settings("whole")["train.precision"], settings("whole")["train.epochs"]) == ("fp32", 7)
    lineage.fork_run(here, "whole", "back", {"tuning.method": "lora"})
    assert settings("back") == {**settings("one"), "tuning.rank": 16}
    lineage.fork_run(here, "one", "fast", {"tuning.method": "full", "train.learning_rate": rate})
    lineage.fork_run(here, "fast", "set", {"tuning.method": "lora", "train.precision": "bf16"})
    assert (settings("set")["train.learning_rate"], settings("set")["train.precision"]) == (rate, "bf16")


def test_a_fork_may_have_another_method(here: Workspace) -> None:
    row = lineage.fork_run(here, "one", settings={"tuning.method": "last_layers", "tuning.layers": "1"})
    settings = run_folder(here, row.name).spec().settings
    assert settings.tuning == LastLayersSettings(layers=1)
    assert settings.train.epochs == 7
    trained(here, row.name)
    with pytest.raises(UserError, match=r"has tuning\.layers=1, not 2"):
        lineage.continue_run(here, row.name, "more", settings={"tuning.layers": "2"})
    more = lineage.continue_run(here, row.name, "more")
    assert run_folder(here, more.name).spec().settings.tuning == settings.tuning


@pytest.mark.parametrize("fork", [False, True])
def test_more_layers_than_the_model_has_are_refused_before_anything_is_queued(
    here: Workspace, fork: bool
) -> None:
    count = block_count(Path(run_folder(here, "one").spec().model.folder))
    assert count
    fits, more = ({"tuning.method": "last_layers", "tuning.layers": layers} for layers in (count, count + 1))

    def start(name: str, settings: dict[str, Any]) -> None:
        if fork:
            lineage.fork_run(here, "one", name, settings)
        else:
            start_run(here, NewRun(name, "shop", "next_item", "list", "tiny", settings))

    with pytest.raises(UserError, match=rf"tuning\.layers={count + 1} is more .* set it to {count} at most"):
        start("more", more)
    start("fits", fits)
    assert [row.name for row in list_runs(here)] == ["fits", "one"]


def test_an_old_run_with_settings_that_mean_nothing_is_shown_and_forks(
    here: Workspace, tmp_path: Path
) -> None:
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    model = replace(find_model(here, "tiny"), id="e", name="bert", folder=str(encoder), family="encoder")
    add_model(here.catalogue, replace(model, embedded=False))
    (tmp_path / "texts.csv").write_text("text,label\n" + "good,yes\nbad,no\n" * 30)
    import_source(here, tmp_path / "texts.csv", "texts", ImportOptions(format="labelled"))
    spec = make_spec(here, NewRun("old", "texts", "classify", "label", "bert"))
    unused = {"train.loss": "catalogue", "train.temperature": 2.0, "evaluation.score": "mean"}
    old = spec.model_copy(update={"settings": apply_settings(spec.settings, unused)})
    create_run(here.home, old)
    refresh(here)
    assert run_document(here, "old")["spec"]["settings"]["train"]["temperature"] == 2
    lineage.fork_run(here, "old", "same", {"train.epochs": 1})
    assert unused.items() <= flat_settings(run_folder(here, "same").spec().settings).items()
    with pytest.raises(UserError, match=r"evaluation\.score .* encoder it is not used"):
        lineage.fork_run(here, "old", "other", {"evaluation.score": "sum"})
    start_run(here, lineage.fork(here, "old"))
    assert run_folder(here, "old-2").spec().settings == spec.settings


def test_a_continued_run_cannot_have_another_shape(here: Workspace) -> None:
    with pytest.raises(UserError, match="has no adapter to continue from"):
        lineage.continue_run(here, "one", "more")
    parent = trained(here, "one")
    with pytest.raises(UserError, match=r"has tuning\.rank=4, not 8"):
        lineage.continue_run(here, "one", "more", settings={"tuning.rank": "8"})
    with pytest.raises(UserError, match=r"has tuning\.method=lora, not full"):
        lineage.continue_run(here, "one", "more", settings={"tuning.method": "full"})
    (parent.adapter / "adapter_model.safetensors").write_bytes(b"others")
    with pytest.raises(UserError, match="is damaged"):
        lineage.continue_run(here, "one", "more")


def test_forms_are_filled_in_as_the_run_was(here: Workspace) -> None:
    trained(here, "one")
    form = lineage.fork(here, "one")
    assert (form.name, form.dataset, form.template, form.parent) == ("one-2", "shop", "list@1", "")
    assert form.settings["train.epochs"] == 7
    form = lineage.continuation(here, "one")
    start_run(here, form)
    assert run_folder(here, form.name).spec().parent is not None


def test_a_failed_run_shows_its_log_and_the_remedy(here: Workspace) -> None:
    folder = run_folder(here, "one")
    attempt = folder.attempt(1)
    attempt.path.mkdir()
    write_json(attempt.exit, {"state": "failed", "reason": "so it was"})
    attempt.log.write_text("\n".join(f"line {number}\x1b[31m" for number in range(30)))
    with EventLog(folder, 1) as log:
        log.write(
            FinishedEvent(state=State.FAILED, reason="so it was", step=1, remedy={"train.accumulate": 4})
        )
    with pytest.raises(UserError, match="there is nothing to pause"):
        control.pause_run(here, "one")
    refresh(here)
    document = run_document(here, "one")
    assert (document["state"], document["reason"]) == ("failed", "so it was")
    assert document["log_tail"] == [f"line {number}[31m" for number in range(10, 30)]
    assert lineage.remedy(here, "one") == {"train.accumulate": 4}
