"""The scorer's process: `python -m promptrec_tui.tuning.scorer RUN_ID`, one JSON line in, one JSON line out.

First it says `{"ready": true, "device", "adapter"}` or `{"error"}`. A request is `{"id", "verb", "history"}`,
history being item keys, oldest first, and optionally `k`, `untuned`, `exclude_seen` and `target` (an item
key). The answer is `{"id", "prompt", "prompt_token_ids", "dropped", "items", "rank"}` or `{"id", "error"}`.
It ends with its input, or after 10 idle minutes.
"""

import json
import math
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from promptrec_tui.datasets.dataset import Item
from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.runs.checkpoints import checkpoint_path, newest_verified, verify
from promptrec_tui.runs.folder import RunFolder, find
from promptrec_tui.runs.spec import DataSettings
from promptrec_tui.tasks.next_item import NextItem, window_start
from promptrec_tui.text import clean
from promptrec_tui.tuning.devices import prepare

IDLE_SECONDS = 600.0
VERBS = ("top_k", "rank", "scores")


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


@dataclass(frozen=True)
class Scorer:
    """A loaded model and the catalogue it ranks; `tuned` is false while the run has no adapter."""

    model: Any
    ranker: Any
    task: NextItem
    items: list[Item]
    ids: Mapping[str, int]
    data: DataSettings
    tuned: bool
    device: str

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request, without its id. Raises UserError for what cannot be answered."""
        verb = request.get("verb")
        if verb not in VERBS:
            raise UserError(f"There is no verb {clean(str(verb))!r}: ask for {', '.join(VERBS)}.")
        untuned = bool(request.get("untuned", False))
        if not (untuned or self.tuned):
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

        from promptrec_tui.tokentree.ranker import rank_in, top_of

        # The prompt shows what it would in training and evaluation; seen is all of the history.
        start = window_start(len(history), self.data.max_history, self.data.window)
        prompt = self.task.prompt(history[start:])
        with self.model.disable_adapter() if untuned and self.tuned else nullcontext():
            scores = self.ranker.scores(prompt.token_ids, sorted(seen))
        if verb == "top_k":
            ranked = top_of(scores, int(request.get("k", 10)))
        elif verb == "scores":
            ranked = [(item, score) for item, score in enumerate(scores.tolist()) if item not in seen]
        else:
            ranked = [(target, scores[target].item())] if target is not None else []
        return {
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
            "rank": None if target is None else _finite(rank_in(scores, target)),
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
    spec = folder.spec()
    device_setting = prepare(spec.settings.run)

    from promptrec_tui.models.loading import choose_device, choose_dtype, load_adapter, load_base
    from promptrec_tui.tokentree.ranker import Ranker
    from promptrec_tui.tuning.material import checked_dataset, open_task

    with checked_dataset(folder.home, spec) as dataset:
        items = dataset.items()
    task = open_task(spec, items)
    device = choose_device(device_setting)
    model: Any = load_base(
        Path(spec.model.folder), device, choose_dtype(spec.settings.train.precision, device)
    )
    adapter = adapter_folder(folder)
    if adapter is not None:
        model = load_adapter(model, adapter)
    return Scorer(
        model=model,
        ranker=Ranker(model, task.catalogue),
        task=task,
        items=items,
        ids={item.key: item.item_id for item in items},
        data=spec.settings.data,
        tuned=adapter is not None,
        device=str(device),
    )


def serve(scorer: Scorer, requests: IO[str], answers: IO[str]) -> None:
    """Answer request after request until the input ends."""
    timer = _idle_timer()
    for line in requests:
        timer.cancel()
        number = None
        try:
            request = json.loads(line)
            number = request.get("id")
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
    _say(answers, {"ready": True, "device": scorer.device, "adapter": scorer.tuned})
    with open(sys.stdin.fileno(), encoding="utf-8", closefd=False) as requests:
        serve(scorer, requests, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
