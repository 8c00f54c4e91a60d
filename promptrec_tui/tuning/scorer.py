"""The scorer's process: `python -m promptrec_tui.tuning.scorer RUN_ID`, one JSON line in, one JSON line out.

First it says `{"ready": true, "device", "adapter"}` or `{"error"}`. A request is `{"id", "verb", "history"}`,
history being item keys, oldest first, and optionally `k`, `untuned`, `exclude_seen` and `target` (an item
key). The answer is `{"id", "adapter", "prompt", "prompt_token_ids", "dropped", "items", "rank"}` or
`{"id", "error"}`. `adapter` is "result", "checkpoint-S", or null for the untuned model: each question is
answered with the adapter that the run has by then. It ends with its input, after 10 idle minutes, or when a
run wants its GPU; while a run has that, it answers on the CPU.
"""

import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from promptrec_tui.datasets.dataset import Item
from promptrec_tui.errors import UserError
from promptrec_tui.files import FileState, file_state
from promptrec_tui.home import find_home
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.checkpoints import MANIFEST, checkpoint_path, newest_verified, verify
from promptrec_tui.runs.folder import RunFolder, find
from promptrec_tui.runs.liveness import Lock
from promptrec_tui.runs.spec import DataSettings
from promptrec_tui.tasks.next_item import NextItem, window_start
from promptrec_tui.text import clean
from promptrec_tui.tuning.adapters import check_result
from promptrec_tui.tuning.gpu_lease import borrow, leave_when_wanted

IDLE_SECONDS = 600.0
VERBS = ("top_k", "rank", "scores")
TRIES, PAUSE_SECONDS = 3, 0.1

States = Mapping[Path, FileState | None]
"""How the folders stand that can hold the run's adapter."""


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
    """What `adapter_folder` decides by, for the price of a few looks: while it is the same, so is that."""
    found = {path.parent: file_state(path) for path in folder.checkpoints.glob(f"checkpoint-*/{MANIFEST}")}
    return {folder.adapter: file_state(folder.adapter), **found}


@dataclass(frozen=True)
class Scorer:
    """A loaded model and the catalogue it ranks.

    `adapter`: the folder whose weights are in the model, None while the run has none; `states`: as they were
    looked at before it was chosen.
    """

    folder: RunFolder
    adapter: Path | None
    states: States
    model: Any
    ranker: Any
    task: NextItem
    items: list[Item]
    ids: Mapping[str, int]
    data: DataSettings
    device: str
    tuned: Any = None
    """The model under its method; None while the run has no adapter."""
    slot: Lock | None = None

    @property
    def adapter_name(self) -> str | None:
        """The adapter as answers name it."""
        if self.adapter == self.folder.adapter:
            return self.folder.result.name
        return self.adapter.name if self.adapter else None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request, without its id. Raises UserError for what cannot be answered."""
        verb = request.get("verb")
        if verb not in VERBS:
            raise UserError(f"There is no verb {clean(str(verb))!r}: ask for {', '.join(VERBS)}.")
        untuned = bool(request.get("untuned", False))
        if not (untuned or self.adapter):
            raise UserError(
                "This run has no adapter yet: ask for the untuned model, or wait for a checkpoint."
            )
        history = [self._item(key) for key in request.get("history", ())]
        if not history:
            raise UserError("The history is empty: give at least one item.")
        target = self._item(request["target"]) if request.get("target") is not None else None
        if verb == "rank" and target is None:
            raise UserError("A rank needs a target: give the key of an item.")
        seen = set(history) - {target} if request.get("exclude_seen", True) else set()

        # The prompt shows what it would in training and evaluation; seen is all of the history.
        start = window_start(len(history), self.data.max_history, self.data.window)
        prompt = self.task.prompt(history[start:])
        question, left_out = prompt.token_ids, sorted(seen)
        rank = None
        with self.tuned.untuned() if untuned and self.tuned else nullcontext():
            if verb == "top_k":
                ranked = self.ranker.top_k(question, int(request.get("k", 10)), left_out)
            else:
                scores = self.ranker.scores(question, left_out).tolist()
                wanted = range(len(scores)) if verb == "scores" else [target]
                ranked = [(item, scores[item]) for item in wanted if item not in seen]
            if target is not None:
                rank = _finite(self.ranker.rank_of(question, target, left_out))
        return {
            "adapter": None if untuned else self.adapter_name,
            "prompt": prompt.text,
            "prompt_token_ids": list(prompt.token_ids),
            "dropped": start + prompt.dropped,
            "items": [
                {
                    "key": self.items[item].key,
                    "title": self.items[item].title,
                    "logprob": _finite(score),
                    "token_ids": list(self.task.completion(item)),
                }
                for item, score in ranked
            ],
            "rank": rank,
        }

    def _item(self, key: Any) -> int:
        try:
            return self.ids[key]
        except (KeyError, TypeError):
            raise UserError(f"There is no item {clean(str(key))!r} in this dataset.") from None


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def load(folder: RunFolder) -> Scorer:
    """Load the run's model, adapter and catalogue. Raises UserError when one is missing or unfit."""
    spec = placed_spec(folder)
    device_setting, slot = borrow(folder.home, spec.settings.run)

    from promptrec_tui.models.loading import choose_device, choose_dtype, load_base
    from promptrec_tui.models.methods import load_tuned
    from promptrec_tui.tokentree.ranker import Ranker
    from promptrec_tui.tuning.data import checked_dataset, open_task

    with checked_dataset(folder.home, spec) as dataset:
        items = dataset.items()
        task = open_task(spec, dataset, items)
    device = choose_device(device_setting)
    model: Any = load_base(
        Path(spec.model.folder), device, choose_dtype(spec.settings.train.precision, device)
    )
    states = adapter_states(folder)
    adapter = adapter_folder(folder)
    tuned = None
    if adapter is not None:
        if adapter == folder.adapter:
            check_result(folder)
        tuned = load_tuned(model, adapter)
        model = tuned.model
    return Scorer(
        folder=folder,
        adapter=adapter,
        states=states,
        model=model,
        ranker=Ranker(model, task.catalogue, normalised=spec.settings.evaluation.score == "mean"),
        task=task,
        items=items,
        ids={item.key: item.item_id for item in items},
        data=spec.settings.data,
        device=str(device),
        tuned=tuned,
        slot=slot,
    )


def refreshed(scorer: Scorer) -> Scorer:
    """The scorer with the weights of the adapter that its run has now; itself while nothing has changed.

    An adapter that cannot be loaded leaves the present one, and is not tried again until the folders change.
    """
    states = scorer.states
    for _ in range(TRIES):
        states = adapter_states(scorer.folder)
        if states == scorer.states:
            return scorer
        adapter = adapter_folder(scorer.folder)
        if adapter is None or (
            adapter == scorer.adapter and states.get(adapter) == scorer.states.get(adapter)
        ):
            return replace(scorer, states=states)
        try:
            return replace(_tuned(scorer, adapter), states=states)
        except Exception:
            # The trainer takes old checkpoints away, perhaps under our hands: look again.
            traceback.print_exc()
            time.sleep(PAUSE_SECONDS)
    return replace(scorer, states=states)


def _tuned(scorer: Scorer, adapter: Path) -> Scorer:
    from promptrec_tui.models.methods import load_tuned
    from promptrec_tui.tokentree.ranker import Ranker

    if adapter == scorer.folder.adapter:
        check_result(scorer.folder)
    if scorer.tuned is not None:
        scorer.tuned.exchange(adapter)
        return replace(scorer, adapter=adapter)
    tuned = load_tuned(scorer.model, adapter)
    ranker = Ranker(tuned.model, scorer.task.catalogue, normalised=scorer.ranker.normalised)
    return replace(scorer, adapter=adapter, model=tuned.model, tuned=tuned, ranker=ranker)


def serve(scorer: Scorer, requests: IO[str], answers: IO[str]) -> None:
    """Answer request after request until the input ends, each with the adapter that the run then has."""
    timer, busy = _idle_timer(), threading.Lock()
    if scorer.slot:
        leave_when_wanted(scorer.folder.home, scorer.slot, busy)
    for line in requests:
        timer.cancel()
        number = None
        with busy:
            try:
                request = json.loads(line)
                number = request.get("id")
                scorer = refreshed(scorer)
                answer = scorer.answer(request)
            except UserError as error:
                answer = {"error": str(error)}
            except Exception as error:
                traceback.print_exc()
                answer = {"error": f"Unexpected {type(error).__name__} in the scorer; see its log."}
            _say(answers, {"id": number, **answer})
        timer = _idle_timer()
    timer.cancel()


def _idle_timer() -> threading.Timer:
    timer = threading.Timer(IDLE_SECONDS, os._exit, [0])
    timer.daemon = True
    timer.start()
    return timer


def _say(answers: IO[str], value: Mapping[str, Any]) -> None:
    answers.write(json.dumps(value, ensure_ascii=False) + "\n")
    answers.flush()


def main(run_id: str) -> int:
    """Load, say so, and serve."""
    os.umask(0o077)
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        scorer = load(find(find_home(), run_id))
    except UserError as error:
        _say(answers, {"error": str(error)})
        return 1
    except Exception as error:
        traceback.print_exc()
        _say(answers, {"error": f"Unexpected {type(error).__name__} while loading; see the scorer's log."})
        return 1
    _say(answers, {"ready": True, "device": scorer.device, "adapter": scorer.adapter_name})
    with open(sys.stdin.fileno(), encoding="utf-8", closefd=False) as requests:
        serve(scorer, requests, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
