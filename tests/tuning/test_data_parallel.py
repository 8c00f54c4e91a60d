"""A step dealt to two processes under DDP, against the same step in one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import TrainSettings
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.trainer import TargetTrainer, training_arguments
from tests.tuning.test_trainer import fresh, gradients, some_rows

RANKS = 2
STEPS = 3

CASES: dict[str, dict[str, Any]] = {
    "shares of 6 and 7 targets": {"batch_size": 13},
    "mean over tokens, micro-batches": {"batch_size": 13, "accumulate": 3, "loss": "token"},
    "micro-batches in unequal numbers": {"batch_size": 13, "forward": 64},
    "a process without a target": {"batch_size": 1},
}

PROCESS = """
import sys
from pathlib import Path
import torch
from promptrec_tui.runs.folder import RunFolder
from tests.tuning.test_data_parallel import CASES, RANKS, train

rank, place, run, model = int(sys.argv[1]), *map(Path, sys.argv[2:])
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo", f"file://{place}/store", rank=rank, world_size=RANKS)
torch.save([train(RunFolder(run), model, place / str(rank), case) for case in CASES], place / f"{rank}.pt")
torch.distributed.destroy_process_group()
"""


class Steps(TrainerCallback):
    """Keeps what each step gives the optimiser, and the step's loss."""

    def __init__(self, trainer: TargetTrainer) -> None:
        self.trainer = trainer
        self.gradients: list[dict[str, torch.Tensor]] = []
        self.losses: list[float] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.gradients.append(gradients(kwargs["model"]))
        self.losses.append(self.trainer.step_loss)


def train(run: RunFolder, model_folder: Path, place: Path, case: str) -> dict[str, Any]:
    """Some steps in this process, alone or beside others; what came of them."""
    plan = Plan(some_rows(run), max_steps=STEPS, seed=2, **CASES[case])
    arguments = training_arguments(TrainSettings(max_grad_norm=0.0), plan, place, torch.device("cpu"))
    tuned = fresh(model_folder)
    # No loss reaches it: without find_unused_parameters the second step would be refused.
    tuned.model.register_parameter("unreached", torch.nn.Parameter(torch.zeros(3)))
    trainer = TargetTrainer(tuned, plan, completion_loss, arguments)
    steps = Steps(trainer)
    trainer.add_callback(steps)
    trainer.train()
    shares = [
        [len(plan.batches(step, rank, RANKS)) for rank in range(RANKS)] for step in range(plan.total_steps)
    ]
    return {
        "wrapper": type(trainer.model_wrapped).__name__,
        "gradients": steps.gradients,
        "losses": steps.losses,
        "shares": shares,
    }


def as_torchrun_has_it(rank: int) -> dict[str, str]:
    """The variables by which a process knows its place among the others."""
    here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": RANKS, "LOCAL_WORLD_SIZE": RANKS}
    return {**{name: str(number) for name, number in here.items()}, "OMP_NUM_THREADS": "1"}


def test_two_processes_have_the_gradients_of_one(
    new_run: Callable[..., RunFolder], model_folder: Path, tmp_path: Path
) -> None:
    run = new_run()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), tmp_path, run.path, model_folder],
            env={**os.environ, **as_torchrun_has_it(rank)},
        )
        for rank in range(RANKS)
    ]
    try:
        assert [process.wait(timeout=300) for process in processes] == [0] * RANKS
    finally:
        for process in processes:
            process.kill()
    results = [torch.load(tmp_path / f"{rank}.pt") for rank in range(RANKS)]
    for number, case in enumerate(CASES):
        alone = train(run, model_folder, tmp_path / "alone", case)
        assert alone["wrapper"] == "LossModule"
        assert len(alone["gradients"]) == STEPS
        for rank in range(RANKS):
            beside = results[rank][number]
            assert beside["wrapper"] == "DistributedDataParallel"
            assert beside["losses"] == pytest.approx(alone["losses"], abs=1e-6), case
            for mine, expected in zip(beside["gradients"], alone["gradients"], strict=True):
                assert mine.keys() == expected.keys()
                assert max(gradient.abs().max() for gradient in expected.values()) > 1e-3
                for name, gradient in expected.items():
                    # Gradients reach .3, where sums in another order differ by some 1e-6 in fp32.
                    torch.testing.assert_close(
                        mine[name], gradient, rtol=1e-5, atol=1e-6, msg=f"{case}: {name}"
                    )
    unequal = results[0][list(CASES).index("micro-batches in unequal numbers")]["shares"]
    assert any(first != second for first, second in unequal), unequal
