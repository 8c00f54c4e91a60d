"""The optimiser's loop: transformers' Trainer with the exact loss of a step."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from promptrec_tui.models.methods import Tuned
from promptrec_tui.runs.checkpoints import checkpoint_path
from promptrec_tui.runs.disk import DiskFullError, full_sentence, is_full, room_needed
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import TrainSettings
from promptrec_tui.tuning.batches import Batch, Steps
from promptrec_tui.tuning.perturbation import directions, moved, recorded

SCHEDULERS = {"constant": "constant_with_warmup"}
OPTIMIZERS = {"adamw": "adamw_torch"}
"""Names of transformers, where they are others than ours."""


class StepTooLargeError(Exception):
    """The device has too little memory for a step of `forwards` forwards, the largest of `rows` rows."""

    def __init__(self, forwards: int, rows: int) -> None:
        super().__init__(f"{forwards} forwards of at most {rows} rows")
        self.forwards = forwards
        self.rows = rows


class LossModule(torch.nn.Module):
    """A model whose forward is a batch's share of the loss of a step.

    Wrappers of data-parallel training (DDP, FSDP) hook into a module's forward. `loss` calls parts of the
    model, so a wrapper around the model itself would never see a forward.
    """

    def __init__(self, model: torch.nn.Module, loss: Callable[[Any, Batch], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Batch) -> Tensor:
        """The batch's share of the loss, a scalar."""
        return self.loss(self.model, batch)


class TargetTrainer(Trainer):
    """A Trainer for which one batch of its data loader is one whole optimiser step.

    Trainer's own gradient accumulation averages micro-batches, or counts label tokens, and neither is a mean
    over targets. Here the weights of a step's micro-batches add to 1 and their gradients are summed, so
    accumulation affects memory only. Several processes give the same sum: each has a part of the step's
    micro-batches, and gradients are added up at the last one of each.

    `Trainer.model` is the model itself, which checkpoints are made of; during training the loss module and
    its wrappers enclose it.
    """

    def __init__(
        self,
        tuned: Tuned,
        plan: Steps,
        loss: Callable[[Any, Batch], Tensor],
        arguments: TrainingArguments,
        adversarial: float = 0.0,
    ) -> None:
        """`loss(model, batch)` is the share of a step's loss that one of its batches has, a scalar.

        `adversarial`: how far embeddings are moved in adversarial training; 0: there is none.
        """
        super().__init__(model=tuned.model, args=arguments)
        self.tuned = tuned
        self.remove_callback(PrinterCallback)
        self.plan = plan
        self.loss = loss
        self.adversarial = adversarial
        self.folder = RunFolder(Path(str(arguments.output_dir)).parent)
        self.step_loss = float("nan")
        """Loss of the last step."""
        self.step_skipped = False
        """Whether the last step left the weights unchanged because its gradient was not finite."""
        self.progress: Callable[[int, int], None] = lambda done, forwards: None
        """Called with the forwards of a step that are computed, and all of them."""

    def get_train_dataloader(self) -> DataLoader[list[Batch]]:
        """This process's part of each step, in order. A resumed run skips step numbers, not tensors."""

        def batches(steps: Sequence[int]) -> list[Batch]:
            return self.plan.batches(steps[0], self.accelerator.process_index, self.accelerator.num_processes)

        # With its own generator: a loader draws a seed at its start, which would change a resumed run's
        # dropout.
        return DataLoader(
            range(self.plan.total_steps),  # type: ignore[arg-type]
            batch_size=1,
            collate_fn=batches,
            generator=torch.Generator(),
        )

    def _wrap_model(self, model: Any, training: bool = True, dataloader: Any = None) -> Any:
        """The loss module around the model, and around it the wrapper for several processes."""
        wrapped: Any = self.accelerator.prepare_model(LossModule(self.tuned.model, self.loss))
        return wrapped

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Compute the gradients of one step, a list of micro-batches; returns its loss. Raises
        StepTooLargeError.

        A gradient whose norm is not finite is dropped: the optimiser skips weights without a gradient, so
        weights and moments stay unchanged, while the step count and the learning rate schedule advance.
        """
        model.train()
        processes = self.accelerator.num_processes
        total = torch.zeros((), device=self.args.device)
        self.progress(0, len(inputs))
        try:
            for number, batch in enumerate(inputs, 1):
                last = number == len(inputs)
                with nullcontext() if last else self.accelerator.no_sync(model):
                    # DDP and FSDP average over processes, but a step needs the sum of their shares.
                    total += self._backward(model, self._prepare_inputs(batch), processes)
                self.progress(number, len(inputs))
        except torch.OutOfMemoryError as error:
            raise StepTooLargeError(len(inputs), max(len(batch["token_ids"]) for batch in inputs)) from error
        loss_of_step: Tensor = self.accelerator.reduce(total)
        self.step_loss = loss_of_step.item()
        self.step_skipped = not _finite_norm(model)
        if self.step_skipped:
            model.zero_grad(set_to_none=True)
        return loss_of_step

    def _backward(self, model: Any, batch: Any, share: float) -> Tensor:
        """Add the gradients of a batch, times `share`; returns its loss.

        In adversarial training half of them are of the batch with its embeddings moved.
        """
        if not self.adversarial:
            loss: Tensor = model(batch)
            self.accelerator.backward(loss * share)
            return loss.detach()
        embeddings = self.tuned.model.get_input_embeddings()
        with recorded(embeddings) as outputs:
            loss = model(batch)
            self.accelerator.backward(loss * (share / 2))
        with moved(embeddings, directions(outputs, self.adversarial)):
            self.accelerator.backward(model(batch) * (share / 2))
        return loss.detach()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save as Trainer does. Raises DiskFullError, and leaves nothing behind, when there is no room."""
        with self.saving(self.state.global_step):
            super()._save_checkpoint(model, trial)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Save the weights that the tuning method keeps, instead of what Trainer would save."""
        self.tuned.save(Path(str(output_dir)))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """The counterpart of `_save`."""
        self.tuned.exchange(Path(resume_from_checkpoint))

    @contextmanager
    def saving(self, step: int) -> Iterator[None]:
        """Guard the writing of a checkpoint. On a full disk, delete its files and raise DiskFullError."""
        try:
            yield
        except Exception as error:
            if not is_full(error):
                raise
            shutil.rmtree(checkpoint_path(self.folder, step), ignore_errors=True)
            raise DiskFullError(full_sentence(self.folder, self.room_needed())) from error

    def room_needed(self) -> int:
        """Bytes to keep free for the next checkpoint; for the first, the weights and their two moments."""
        model: Any = self.model
        weights = sum(weight.nbytes for weight in model.parameters() if weight.requires_grad)
        return room_needed(self.folder, 3 * weights)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted."""
        return 0


def _finite_norm(model: Any) -> bool:
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    return bool(torch.nn.utils.get_total_norm(gradients).isfinite())


def training_arguments(
    settings: TrainSettings, plan: Steps, checkpoints: Path, device: torch.device
) -> TrainingArguments:
    """A run's settings for Trainer. RunCallback decides about logging, evaluation and saving."""
    options: dict[str, Any] = {"gradient_checkpointing": True} if settings.gradient_checkpointing else {}
    if settings.optimizer == "sgd":
        options["optim_args"] = f"momentum={settings.momentum}"
    if settings.embedding_noise:
        options["neftune_noise_alpha"] = settings.embedding_noise
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=plan.total_steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        optim=OPTIMIZERS.get(settings.optimizer, settings.optimizer),
        learning_rate=settings.learning_rate,
        lr_scheduler_type=SCHEDULERS.get(settings.scheduler, settings.scheduler),
        warmup_steps=round(settings.warmup * plan.total_steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        use_cpu=device.type == "cpu",
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        # A weight that the loss does not depend on has no gradient, with several processes as with one.
        ddp_find_unused_parameters=True,
        **options,
    )
    # One device for each run: with several visible GPUs Trainer would wrap the model in DataParallel.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments
