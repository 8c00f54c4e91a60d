"""What a run leaves behind: `result/` with the adapter, the report and a card."""

import os
import shutil
from typing import Any

from peft import PeftModel

from promptrec_tui.files import sha256_folder, sync_file, sync_folder, write_atomic, write_json
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.text import clean


def write_result(
    folder: RunFolder, spec: RunSpec, model: PeftModel, report: dict[str, Any], step: int
) -> None:
    """Write `result/` whole: staged beside its place, put on the disk, then exchanged for an earlier one.

    `step` is the one of the adapter in the model.
    """
    for left in folder.path.glob(".result.*.staging"):
        shutil.rmtree(left, ignore_errors=True)
    staging = folder.path / f".result.{os.getpid()}.staging"
    staging.mkdir()
    try:
        adapter = staging / folder.adapter.name
        model.save_pretrained(str(adapter), save_embedding_layers=False)
        for file in adapter.iterdir():
            sync_file(file)
        parent = spec.parent.model_dump() if spec.parent else None
        facts = {"step": step, "parent": parent, "adapter_sha256": sha256_folder(adapter)}
        write_json(staging / folder.report.name, {**report, **facts})
        write_atomic(staging / folder.card.name, card(spec, report, step).encode())
    except BaseException:
        # The disk may be full: what is half done only takes its room.
        shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(folder.result, ignore_errors=True)
    staging.rename(folder.result)
    sync_folder(folder.path)


def card(spec: RunSpec, report: dict[str, Any], step: int) -> str:
    """The model card, in Markdown: what the adapter is, how it did against what, and how to open it."""
    k = report["protocol"]["k"]
    names = [f"hr@{k}", f"ndcg@{k}", f"mrr@{k}", "mrr"]
    metrics = report["metrics"]
    rankers = {
        "untuned": metrics["before"],
        **metrics["baselines"],
        "**tuned**": metrics["after"],
    }
    lines = [
        f"# {clean(spec.name)}",
        "",
        f"A LoRA adapter that turns {clean(spec.model.name)} into a recommender for the dataset "
        f"{clean(spec.dataset.name)}, from step {step} of its training.",
        *(
            [
                f"Its training started from the adapter of run {clean(spec.parent.name)} "
                f"(sha256 {spec.parent.sha256[:12]}); untuned means the base model without any adapter."
            ]
            if spec.parent
            else []
        ),
        "",
        f"| {report['users']} test users | {' | '.join(name.upper() for name in names)} |",
        f"|---|{'---|' * len(names)}",
        *(
            f"| {ranker} | {' | '.join(_number(values.get(name)) for name in names)} |"
            for ranker, values in rankers.items()
        ),
        "",
        *(
            f"Tuned minus {'untuned' if other == 'before' else gain['name']}, {names[1].upper()}: "
            f"{_number(gain[names[1]]['value'])} "
            f"(95 % interval {_number(gain[names[1]]['low'])} to {_number(gain[names[1]]['high'])}).\n"
            for other, gain in metrics["gain"].items()
        ),
        "Protocol: " + ", ".join(f"{name} {value}" for name, value in report["protocol"].items()) + ".",
        "",
        f"Template: {clean(spec.template.name)}, version {spec.template.version}. By sha256: "
        f"template {spec.template.sha256[:12]}, dataset {spec.dataset.sha256[:12]}, "
        f"base model {spec.model.sha256[:12]}.",
        "",
        "```python",
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM",
        "",
        f"base = AutoModelForCausalLM.from_pretrained({spec.model.folder!r})",
        'model = PeftModel.from_pretrained(base, "adapter")',
        "```",
        "",
        "It has learned from the histories of real or simulated users and may repeat what is in them.",
        "",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
