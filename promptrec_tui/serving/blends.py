"""The blend of a run's model and its baselines, for questions of today."""

from functools import lru_cache

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.blend import Blend
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.text import clean
from promptrec_tui.tuning.blending import Witnesses, fit_witnesses
from promptrec_tui.tuning.data import checked_dataset
from promptrec_tui.tuning.jobs.next_item import NextItemJob
from promptrec_tui.typed import read


def blend_of(folder: RunFolder) -> Blend:
    """The weights in a run's result. Raises UserError where there are none."""
    blend = read(Blend, folder.blend)
    if blend is None:
        name = clean(folder.spec().name)
        raise UserError(f"Run {name!r} has no blend: fit one with \"promptrec blend fit '{name}'\".")
    return blend


def witnesses_of(job: NextItemJob, blend: Blend) -> Witnesses:
    """The scorers that a blend weighs, fitted on all that the dataset has; the latest are kept."""
    return _fitted(job, tuple(name for name in job.settings.evaluation.baselines if blend.weights.get(name)))


@lru_cache(maxsize=1)
def _fitted(job: NextItemJob, names: tuple[str, ...]) -> Witnesses:
    with checked_dataset(job.home, job.spec) as dataset:
        sequences = [sequence for _, sequence in dataset.sequences(job.settings.data.tie_rule)]
    return fit_witnesses(names, sequences, len(job.items), job.settings.train.seed, job.columns)
