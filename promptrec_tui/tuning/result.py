"""The result of a run: the folder `result/` with the adapter, the report and a card."""

import os
import shutil
from dataclasses import asdict
from typing import Any

from promptrec_tui.evaluation.blend import Blend
from promptrec_tui.files import sha256_folder, sync_file, sync_folder, write_atomic, write_json
from promptrec_tui.models.methods import Tuned
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tuning.card import card
from promptrec_tui.tuning.environment import computing


def write_result(
    folder: RunFolder,
    spec: RunSpec,
    tuned: Tuned,
    report: dict[str, Any],
    step: int,
    blend: Blend | None = None,
) -> None:
    """Write `result/` atomically: stage it beside its place, sync it, then replace an earlier one.

    `step` is that of the model's adapter; `blend`: the weights of the model and the baselines together.
    """
    for left in folder.path.glob(".result.*.staging"):
        shutil.rmtree(left, ignore_errors=True)
    staging = folder.path / f".result.{os.getpid()}.staging"
    staging.mkdir()
    try:
        adapter = staging / folder.adapter.name
        # Not the path that the base model has on this machine.
        tuned.save(adapter, spec.model.name)
        text = card(spec, report, step).encode()
        # Also in the adapter's folder, instead of peft's empty template, so that copies are described.
        (adapter / folder.card.name).write_bytes(text)
        for file in adapter.iterdir():
            sync_file(file)
        facts = {
            "step": step,
            "parent": spec.parent.model_dump() if spec.parent else None,
            "computing": asdict(computing(tuned.model)),
            "adapter_sha256": sha256_folder(adapter),
        }
        write_json(staging / folder.report.name, {**report, **facts})
        if blend:
            write_json(staging / folder.blend.name, blend.to_json())
        write_atomic(staging / folder.card.name, text)
    except BaseException:
        # The disk may be full: remove the incomplete files.
        shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(folder.result, ignore_errors=True)
    staging.rename(folder.result)
    sync_folder(folder.path)
