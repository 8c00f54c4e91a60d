"""The peers of the ranking and training benchmarks: other ways to compute the same results.

Prompt-cached batching is the package's own `tokentree.batched.batched_scores`, the way it takes where its
tree cannot go.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

from promptrec_tui.runs.spec import TrainSettings
from promptrec_tui.tasks.next_item import Example

Title = tuple[int, ...]
Children = dict[Title, list[int]]
"""The tokens that may follow each beginning of a title."""

BATCH = 8
"""Sequences in a training forward, the default of Trainer and of TRL."""


def naive_scores(model: Any, prompt: Sequence[int], titles: Sequence[Title], batch: int) -> Tensor:
    """log P of each title after `prompt` by whole forwards of prompt and title: fp32 [M].

    Titles of like length together, `batch` a forward; logits at the positions of the title only. There is no
    mask, since padding lies behind the titles, where a causal model does not look.
    """
    scores = torch.empty(len(titles))
    order = sorted(range(len(titles)), key=lambda index: len(titles[index]))
    for first in range(0, len(order), batch):
        part = order[first : first + batch]
        width = max(len(titles[index]) for index in part)
        rows = torch.zeros(len(part), len(prompt) + width, dtype=torch.long)
        rows[:, : len(prompt)] = torch.tensor(prompt)
        real = torch.zeros(len(part), width)
        for row, index in enumerate(part):
            title = titles[index]
            rows[row, len(prompt) : len(prompt) + len(title)] = torch.tensor(title)
            real[row, : len(title)] = 1
        with torch.no_grad():
            logits = model(input_ids=rows[:, :-1], use_cache=False, logits_to_keep=width).logits.float()
        picked = logits.gather(2, rows[:, -width:, None])[..., 0] - logits.logsumexp(-1)
        scores[part] = (picked * real).sum(1)
    return scores


def children_of(titles: Sequence[Title]) -> Children:
    """The constraint under which `beams` generates titles only."""
    allowed: dict[Title, set[int]] = {}
    for title in titles:
        for place, token in enumerate(title):
            allowed.setdefault(title[:place], set()).add(token)
    return {beginning: sorted(tokens) for beginning, tokens in allowed.items()}


def beams(
    model: Any, prompt: Sequence[int], allowed: Children, end: int, longest: int, count: int
) -> list[Title]:
    """The titles that `generate` finds with `count` beams, best first, by the plain sum of log P.

    It may stop only when no open beam can still come among the best (early_stopping=False is just that where
    the length penalty is 0), and finished beams are as good as their sum, whatever their length.
    """
    read = len(prompt)

    def following(_row: int, ids: Tensor) -> list[int]:
        return allowed.get(tuple(ids[read:].tolist()), [end])

    ids = torch.tensor([list(prompt)])
    with torch.no_grad():
        generated = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            num_beams=count,
            num_return_sequences=count,
            length_penalty=0.0,
            early_stopping=False,
            max_new_tokens=longest,
            eos_token_id=end,
            pad_token_id=end,
            prefix_allowed_tokens_fn=following,
        )
    answers = []
    for row in generated[:, read:].tolist():
        stop = row.index(end) + 1 if end in row else len(row)
        answers.append(tuple(row[:stop]))
    return answers


def hf_train(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    settings: TrainSettings,
    folder: Path,
    grouped: bool = False,
    callbacks: Sequence[Any] = (),
) -> float:
    """One epoch of transformers' Trainer over `examples`, padded to the longest of a batch; the mean loss.

    `grouped`: with its own sampler for batches of like length. Prompt tokens are not trained (label -100).
    """
    rows = [
        {
            "input_ids": list(example.token_ids),
            "labels": [-100] * example.start + list(example.token_ids[example.start :]),
        }
        for example in examples
    ]
    options = _options(settings, len(examples), folder)
    options["train_sampling_strategy"] = "group_by_length" if grouped else "random"
    trainer = Trainer(
        model=model,
        args=TrainingArguments(**options),
        train_dataset=rows,  # type: ignore[arg-type]
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        callbacks=list(callbacks),
    )
    return float(trainer.train().training_loss)


def trl_train(
    model: Any, tokenizer: Any, examples: Sequence[Example], settings: TrainSettings, folder: Path
) -> float:
    """One epoch of TRL's SFTTrainer with its defaults, but fp32; the mean loss.

    The examples come as token ids with the mask of the completion, so that nothing is tokenised again and all
    peers train the same tokens. Raises ImportError without trl.
    """
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    rows = Dataset.from_list(
        [
            {
                "input_ids": list(example.token_ids),
                "completion_mask": [0] * example.start + [1] * (len(example.token_ids) - example.start),
            }
            for example in examples
        ]
    )
    options = _options(settings, len(examples), folder)
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**options, bf16=False, completion_only_loss=True),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    return float(trainer.train().training_loss)


def _options(settings: TrainSettings, targets: int, folder: Path) -> dict[str, Any]:
    """Trainer's arguments for the same steps as a run's: as many targets each, the same rates."""
    steps = -(-targets // settings.batch_size)
    return {
        "output_dir": str(folder),
        "num_train_epochs": 1,
        "per_device_train_batch_size": BATCH,
        "gradient_accumulation_steps": -(-min(settings.batch_size, targets) // BATCH),
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.scheduler,
        "warmup_steps": round(settings.warmup * steps),
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "seed": settings.seed,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "logging_strategy": "no",
        "eval_strategy": "no",
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }
