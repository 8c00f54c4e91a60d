"""How a run ends that cannot go on: numbers lost, a full disk, no memory. How it begins from another."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, sha256_folder
from promptrec_tui.home import Home
from promptrec_tui.runs import disk
from promptrec_tui.runs.checkpoints import newest_verified, published_paths
from promptrec_tui.runs.diagnosis import PAUSED_FOR_ROOM
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.spec import ParentRef
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.adapters import check_result
from promptrec_tui.tuning.environment import differences, environment_of
from promptrec_tui.tuning.trainer import TargetTrainer

LIMITED = """
import resource, sys
from promptrec_tui.tuning.worker import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


def test_lost_numbers_leave_the_last_finite_adapter(
    new_run: Callable[..., RunFolder], tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = TargetTrainer.training_step

    def poisoned(self: TargetTrainer, model: Any, *rest: Any) -> Any:
        if self.state.global_step == 3:
            next(weight for weight in model.parameters() if weight.requires_grad).data.fill_(float("nan"))
        return step(self, model, *rest)

    monkeypatch.setattr(TargetTrainer, "training_step", poisoned)
    folder = new_run(train__save_every=1)
    outcome = tune(folder)
    assert (outcome.state, outcome.step) == (State.FAILED, 6)
    assert "up to step 6; the adapter of checkpoint-3 is kept" in outcome.reason
    good = newest_verified(folder)
    assert good is not None
    assert good.step == 3
    weights = "adapter_model.safetensors"
    assert (folder.adapter / weights).read_bytes() == (good.path / weights).read_bytes()
    assert read_json(folder.report)["step"] == 3


def test_lost_numbers_without_a_checkpoint_leave_nothing(
    new_run: Callable[..., RunFolder], tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: TargetTrainer, model: Any, *_rest: Any) -> Any:
        for weight in model.parameters():
            if weight.requires_grad:
                weight.data.fill_(float("nan"))
        self.step_loss = float("nan")
        return torch.zeros(())

    monkeypatch.setattr(TargetTrainer, "training_step", lost)
    folder = new_run(train__save_every=1)
    outcome = tune(folder)
    assert (outcome.state, outcome.step) == (State.FAILED, 3)
    assert "before any checkpoint" in outcome.reason
    assert not folder.result.exists()


def test_too_little_room_pauses_before_a_checkpoint(
    new_run: Callable[..., RunFolder], tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run()
    monkeypatch.setattr(disk, "MARGIN", 10**18)
    with pytest.raises(disk.DiskFullError, match=r"^Paused: the disk of .* MB are free; make room"):
        tune(folder)
    assert not list(folder.checkpoints.iterdir())


def test_a_checkpoint_that_does_not_fit_is_taken_away_and_the_run_can_go_on(
    new_run: Callable[..., RunFolder], tune: Any, home: Home
) -> None:
    folder = new_run()
    folder.attempt(1).path.mkdir(parents=True)
    limited = [sys.executable, "-c", LIMITED, "45000", folder.id, "1"]
    trainer = subprocess.Popen(
        limited,
        env={**os.environ, "PROMPTREC_HOME": str(home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    output, errors = trainer.communicate()
    assert trainer.returncode == PAUSED_FOR_ROOM, errors
    assert "Traceback" not in output + errors
    assert "Paused: the disk of" in output
    assert published_paths(folder) == list(folder.checkpoints.iterdir()), "nothing torn is left"
    assert tune(folder).state == State.DONE


def test_a_step_without_memory_tells_the_fork_that_has_it(
    new_run: Callable[..., RunFolder], tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("promptrec_tui.tuning.jobs.next_item.completion_loss", full)
    outcome = tune(new_run())
    assert outcome.state == State.FAILED
    ((key, value),) = outcome.remedy.items()
    assert key == "train.accumulate"
    assert value % 2 == 0
    assert f"promptrec run fork run1 --set train.accumulate={value}" in outcome.reason


@pytest.mark.parametrize(
    "method",
    [
        {},
        {"tuning.method": "full", "train.learning_rate": 1e-3},
        {"tuning.method": "last_layers", "tuning.layers": 1, "train.learning_rate": 1e-3},
    ],
    ids=["lora", "full", "last_layers"],
)
def test_a_continued_run_starts_from_its_parents_adapter(
    new_run: Callable[..., RunFolder], tune: Any, home: Home, events: Any, method: dict[str, Any]
) -> None:
    parent = new_run(**method)
    tune(parent)
    spec = parent.spec()
    reference = ParentRef(id=spec.id, name=spec.name, sha256=sha256_folder(parent.adapter))
    spec = spec.model_copy(update={"id": "next", "name": "next", "parent": reference})
    folder = create_run(home, spec, parent.adapter)
    shutil.rmtree(parent.path)
    assert tune(folder).state == State.DONE

    def untuned(run: RunFolder) -> Any:
        return json.loads(run.report.read_text())["metrics"]["before"]

    twin = new_run("twin", **method)
    tune(twin)
    assert untuned(folder) == untuned(twin), "before means the base model, not the parent"
    first = [
        next(event for event in events(run, "metric") if "train_loss" in event["values"])
        for run in (folder, twin)
    ]
    assert first[0]["values"]["train_loss"] < first[1]["values"]["train_loss"]
    assert read_json(folder.report)["parent"]["name"] == "run1"
    assert "started from the adapter of run run1" in folder.card.read_text()


def test_a_start_that_was_changed_is_refused(
    new_run: Callable[..., RunFolder], tune: Any, home: Home
) -> None:
    parent = new_run()
    parent.adapter.mkdir(parents=True)
    reference = ParentRef(id="run1", name="run1", sha256="0" * 64)
    spec = parent.spec().model_copy(update={"id": "next", "parent": reference})
    folder = create_run(home, spec, parent.adapter)
    with pytest.raises(UserError, match="is not the adapter of run 'run1'"):
        tune(folder)


def test_a_damaged_result_is_told_in_a_sentence(new_run: Callable[..., RunFolder], tune: Any) -> None:
    folder = new_run(train__max_steps=1)
    tune(folder)
    check_result(folder)
    weights = folder.adapter / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(UserError, match="is damaged: it is not what the run wrote"):
        check_result(folder)


def test_other_surroundings_are_told() -> None:
    now = environment_of(torch.device("cpu"))
    assert differences(now, now) is None
    assert differences({}, now) is None
    said = differences({**now, "threads": 64, "torch": "1.0"}, now)
    assert said is not None
    assert f"threads 64 before, {now['threads']} now; torch 1.0 before" in said


def test_a_resume_under_other_threads_warns(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run()
    threads = torch.get_num_threads()
    tune(folder, "pause", lambda kind, fields: kind == "checkpoint")
    try:
        torch.set_num_threads(threads + 1)
        assert tune(folder).state == State.DONE
    finally:
        torch.set_num_threads(threads)
    warnings = [event["message"] for event in events(folder, "warning")]
    assert any(f"threads {threads} before, {threads + 1} now" in message for message in warnings)


def test_a_gradient_that_is_not_finite_is_not_stepped(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = TargetTrainer.training_step
    seen: dict[str, list[bool]] = {}

    def poisoned(self: Any, model: Any, *rest: Any) -> Any:
        weight = next(weight for weight in model.parameters() if weight.requires_grad)
        infinite = self.state.global_step == 2
        hook = weight.register_hook(lambda gradient: gradient * float("inf")) if infinite else None
        total = step(self, model, *rest)
        if hook is not None:
            hook.remove()
        finite = all(bool(torch.isfinite(weight).all()) for weight in model.parameters())
        seen.setdefault(self.folder.id, []).append(self.step_skipped)
        assert finite
        return total

    monkeypatch.setattr(TargetTrainer, "training_step", poisoned)
    straight, paused = new_run(id="straight"), new_run(id="paused")
    assert tune(straight).state == State.DONE
    assert seen["straight"] == [False, False, True, False, False, False]
    (warning,) = [event["message"] for event in events(straight, "warning")]
    assert "Step 3 was skipped: its gradient is not finite" in warning
    assert read_json(straight.report)["skipped_steps"] == 1

    # The skipped step counts in the schedule, so that a resumed run goes on as an undisturbed one.
    monkeypatch.setattr("promptrec_tui.tuning.callbacks.METRIC_SECONDS", 0.0)
    outcome = tune(paused, "pause", lambda kind, fields: kind == "metric" and fields["step"] == 4)
    assert (outcome.state, outcome.step) == (State.PAUSED, 4)
    assert tune(paused).state == State.DONE
    weights = "adapter_model.safetensors"
    assert (paused.adapter / weights).read_bytes() == (straight.adapter / weights).read_bytes()
    assert read_json(paused.report)["skipped_steps"] == 1
