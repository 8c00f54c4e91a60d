"""What a run leaves behind: `result/` with the adapter, the report and a card."""

import os
import shutil
from dataclasses import asdict
from typing import Any

from promptrec_tui.files import sha256_folder, sync_file, sync_folder, write_atomic, write_json
from promptrec_tui.models.methods import Tuned
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tuning.card import card
from promptrec_tui.tuning.environment import computing


def write_result(folder: RunFolder, spec: RunSpec, tuned: Tuned, report: dict[str, Any], step: int) -> None:
    """Write `result/` whole: staged beside its place, put on the disk, then exchanged for an earlier one.

    `step` is the one of the adapter in the model.
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
        # In the adapter too, in place of peft's empty template: whoever copies it copies what it is.
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
        write_atomic(staging / folder.card.name, text)
    except BaseException:
        # The disk may be full: what is half done only takes its room.
        shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(folder.result, ignore_errors=True)
    staging.rename(folder.result)
    sync_folder(folder.path)
