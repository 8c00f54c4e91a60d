"""A run's model, loaded for questions, and kept at the adapter that the run has."""

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.files import FileState, file_state
from promptrec_tui.models.loading import choose_device, choose_dtype
from promptrec_tui.models.methods import Tuned
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.checkpoints import MANIFEST, checkpoint_path, newest_verified, verify
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.tuning.adapters import check_result
from promptrec_tui.tuning.jobs.job import Job, job_of

TRIES, PAUSE_SECONDS = 3, 0.1

States = Mapping[Path, FileState | None]
"""The states of the folders that can hold the run's adapter."""


@dataclass(frozen=True)
class LoadedRun:
    """A run's job with its model under the tuning method.

    `adapter`: the folder whose weights are in the model, None while the run has none; `states`: those read
    before it was chosen.
    """

    folder: RunFolder
    job: Job
    tuned: Tuned
    device: str
    adapter: Path | None
    states: States

    @property
    def adapter_name(self) -> str | None:
        """The adapter as answers name it: "result" or "checkpoint-S"."""
        if self.adapter == self.folder.adapter:
            return self.folder.result.name
        return self.adapter.name if self.adapter else None


def adapter_folder(folder: RunFolder) -> Path | None:
    """The run's adapter: its result, else of its best checkpoint so far, else of its newest; or None."""
    if folder.adapter.is_dir():
        return folder.adapter
    newest = newest_verified(folder)
    if newest is None:
        return None
    try:
        return verify(checkpoint_path(folder, newest.extra.get("best_step", 0))).path
    except UserError:
        return newest.path


def adapter_states(folder: RunFolder) -> States:
    """What `adapter_folder` depends on. It reads no file, so it can be compared before each answer."""
    manifests = folder.checkpoints.glob(f"checkpoint-*/{MANIFEST}")
    return {
        folder.adapter: file_state(folder.adapter),
        **{path.parent: file_state(path) for path in manifests},
    }


def load(folder: RunFolder, device: str) -> LoadedRun:
    """Load a run's model with the adapter that it has now, on the device that the setting names.

    The model is made as for training and evaluation, so that scores are those of the run's own figures.
    Raises UserError when dataset, base model or adapter are missing or unfit.
    """
    spec = placed_spec(folder)
    job = job_of(spec, folder.home)
    torch_device = choose_device(device)
    tuned = job.load(torch_device, choose_dtype(spec.settings.train.precision, torch_device))
    tuned.model.eval()
    states = adapter_states(folder)
    loaded = LoadedRun(folder, job, tuned, str(torch_device), None, states)
    adapter = adapter_folder(folder)
    return _with_adapter(loaded, adapter) if adapter else loaded


def refreshed(loaded: LoadedRun) -> LoadedRun:
    """The run with the weights of the adapter that it has now; itself while nothing has changed.

    An adapter that cannot be loaded leaves the present one, and is not tried again until the folders change.
    """
    states = loaded.states
    for _ in range(TRIES):
        states = adapter_states(loaded.folder)
        if states == loaded.states:
            return loaded
        adapter = adapter_folder(loaded.folder)
        if adapter is None or (
            adapter == loaded.adapter and states.get(adapter) == loaded.states.get(adapter)
        ):
            return replace(loaded, states=states)
        try:
            return replace(_with_adapter(loaded, adapter), states=states)
        except Exception:
            # The trainer removes old checkpoints, perhaps while one is read: choose again.
            traceback.print_exc()
            time.sleep(PAUSE_SECONDS)
    return replace(loaded, states=states)


def _with_adapter(loaded: LoadedRun, adapter: Path) -> LoadedRun:
    """The run with the weights of `adapter` in its model. Raises UserError for an adapter that is damaged."""
    if adapter == loaded.folder.adapter:
        check_result(loaded.folder)
    loaded.tuned.exchange(adapter)
    return replace(loaded, adapter=adapter)
