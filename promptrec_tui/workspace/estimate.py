"""What a new run will take, as far as it can be known without reading its data."""

from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from statistics import median

from promptrec_tui.runs.gpus import weights_needed
from promptrec_tui.runs.settings import flat_settings
from promptrec_tui.runs.spec import Settings
from promptrec_tui.store import runs as store
from promptrec_tui.tasks.defaults import case_noun
from promptrec_tui.text import clean, duration_text, size_text
from promptrec_tui.workspace.datasets import DatasetRow, find_dataset
from promptrec_tui.workspace.new_runs import NewRun, make_spec
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.time_left import RECENT

HELD_BACK = 4
"""Events of a user that are no training target: two without a history, one of validation, one of test."""

TRAINING_SHARE = 0.8
"""Of labelled texts, where the source has no split of its own."""


@dataclass(frozen=True)
class Estimate:
    """`seconds` of training and `disk` (bytes) are those of the run `like`, the last one of the same kind."""

    steps: int
    memory: int
    """Bytes of weights, gradients and moments: there is more beside them."""
    like: str = ""
    seconds: float | None = None
    disk: int = 0

    @property
    def sentence(self) -> str:
        """In one line."""
        parts = [f"about {self.steps:,} steps"]
        if self.seconds is not None:
            measured = f"{duration_text(self.seconds)} of training, {size_text(self.disk)} of disk"
            parts.append(f"{measured}, as {clean(self.like)}")
        if self.memory:
            parts.append(f"memory above {size_text(self.memory)}")
        if self.seconds is None:
            parts.append("time is known after a first run of this kind")
        return "; ".join(parts)


def estimate(workspace: Workspace, new: NewRun) -> Estimate:
    """What a new run will take. Raises UserError where starting it would."""
    spec = make_spec(workspace, new)
    train = spec.settings.train
    targets = training_targets(find_dataset(workspace, new.dataset), spec.task)
    trained = train.max_steps * train.batch_size or train.epochs * targets
    steps = ceil(trained / train.batch_size)
    memory = weights_needed(Path(spec.model.folder), train.precision, _tuning(spec.settings))
    like = store.latest_like(workspace.catalogue, spec.task, spec.template.name, spec.model.name)
    speeds = store.recent_values(workspace.catalogue, like.id, "targets_per_second", RECENT) if like else []
    known = [speed for speed in speeds if speed and isfinite(speed)]
    if like is None or not known:
        return Estimate(steps, memory)
    folder = workspace.home.runs / like.id
    disk = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return Estimate(steps, memory, like.name, trained / median(known), disk)


def training_targets(dataset: DatasetRow, task: str) -> int:
    """About as many targets as there are to train on."""
    if case_noun(task) == "text":
        return int(dataset.examples * TRAINING_SHARE)
    return max(0, dataset.interactions - HELD_BACK * dataset.users)


def _tuning(settings: Settings) -> dict[str, object]:
    return {
        key.removeprefix("tuning."): value
        for key, value in flat_settings(settings).items()
        if key.startswith("tuning.")
    }
