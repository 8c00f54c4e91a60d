"""The answer of a run's loaded model to a request, whatever brought it."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import numpy as np

from promptrec_tui.errors import UserError
from promptrec_tui.files import parse_json
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import written_temperature
from promptrec_tui.serving.blends import blend_of, witnesses_of
from promptrec_tui.serving.loading import LoadedRun
from promptrec_tui.serving.messages import (
    Answer,
    Classify,
    Labelling,
    Rank,
    Ranking,
    Request,
    ScoredItem,
    ScoredText,
    Scores,
    TopK,
)
from promptrec_tui.serving.rules import ruled_out, varied
from promptrec_tui.tasks.next_item import window_start
from promptrec_tui.text import clean, did_you_mean
from promptrec_tui.tokentree.evidence import Evidence
from promptrec_tui.tuning.jobs.classify import ClassifyJob
from promptrec_tui.tuning.jobs.next_item import NextItemJob
from promptrec_tui.tuning.probabilities import chances


def answer(loaded: LoadedRun, request: Request) -> Answer:
    """The answer to one request, with the adapter in the model or, `untuned`, without.

    Raises UserError for a request that cannot be answered: an unknown item, a verb of another task, a run
    that has no adapter yet.
    """
    if not (request.untuned or loaded.adapter):
        raise UserError("This run has no adapter yet: ask for the untuned model, or wait for a checkpoint.")
    adapter = None if request.untuned else loaded.adapter_name
    with loaded.tuned.untuned() if request.untuned else nullcontext():
        match loaded.job, request:
            case NextItemJob() as job, TopK() | Rank() | Scores():
                return _ranking(loaded.folder, job, request, adapter)
            case ClassifyJob() as job, Classify():
                return _labelling(job, request, adapter)
    task = loaded.folder.spec().task
    raise UserError(f"This run is of the task {task}, and {request.verb!r} is for {request.task} only.")


def _ranking(
    folder: RunFolder, job: NextItemJob, request: TopK | Rank | Scores, adapter: str | None
) -> Ranking:
    """Scores of items after a history, whose prompt shows what it would in training and evaluation."""
    temperature = written_temperature(folder) if adapter == folder.result.name else 1.0

    def number_of(key: str) -> int:
        if key not in job.item_ids:
            raise UserError(f"There is no item {clean(key)!r} in this dataset.")
        return job.item_ids[key]

    history = [number_of(key) for key in request.history]
    if not history:
        raise UserError("The history is empty: give at least one item.")
    target = None if request.target is None else number_of(request.target)
    # All of the history counts as seen, not only the part that the prompt shows.
    seen = set(history) - {target} if request.exclude_seen else set()
    data, left_out = job.settings.data, sorted(seen)
    evidence, blended = None, {}
    start = window_start(len(history), data.max_history, data.window)
    prompt = job.task.prompt(history[start:])
    before = job.ranker.nodes_read
    if isinstance(request, TopK):
        if request.k < 1:
            raise UserError(f"k must be at least 1, not {request.k}.")
        barred = ruled_out(job.items, request.require, request.exclude) | set(map(number_of, request.block))
        left_out = sorted(seen | (barred - {target}))
        evidence = _evidence(folder, job, history, request)
        ranked = varied(
            lambda k: job.ranker.top_k(prompt.token_ids, k, left_out, evidence),
            request.k,
            job.items,
            request.at_most,
        )
        if evidence:
            blended = dict(ranked)
            others = set(range(len(job.items))) - set(blended)
            logs = job.ranker.scores(prompt.token_ids, sorted(others))
            ranked = [(item, float(logs[item])) for item in blended]
    else:
        scores = job.ranker.scores(prompt.token_ids, left_out).tolist()
        wanted = range(len(scores)) if isinstance(request, Scores) else [number_of(request.target)]
        ranked = [(item, scores[item]) for item in wanted if item not in seen]
    items = [
        ScoredItem(
            job.items[item].key,
            job.items[item].title,
            _finite(logprob),
            job.task.completion(item),
            probability,
            blended.get(item),
        )
        for (item, logprob), probability in zip(
            ranked, chances(job.ranker, prompt.token_ids, ranked, temperature), strict=True
        )
    ]
    rank = None
    if target is not None:
        rank = _finite(job.ranker.rank_of(prompt.token_ids, target, left_out, evidence=evidence))
    return Ranking(
        prompt.text,
        tuple(prompt.token_ids),
        start + prompt.dropped,
        tuple(items),
        adapter,
        rank,
        job.ranker.nodes_read - before,
    )


def _evidence(folder: RunFolder, job: NextItemJob, history: Sequence[int], request: TopK) -> Evidence | None:
    """What counts beside the model: the run's baselines as its blend weighs them, the popularity penalty."""
    weight, bonus = 1.0, np.zeros(len(job.items))
    if request.blend:
        if request.untuned:
            raise UserError("A blend is one of the tuned model: ask for the blend, or for the untuned model.")
        blend = blend_of(folder)
        evidence = witnesses_of(job, blend).evidence(blend, history)
        weight, bonus = evidence.weight, evidence.bonus
    if request.popularity_penalty < 0:
        raise UserError(f"The popularity penalty must be at least 0, not {request.popularity_penalty:g}.")
    if request.popularity_penalty:
        bonus = bonus - request.popularity_penalty * np.log1p([item.events for item in job.items])
    return Evidence(weight, bonus) if request.blend or request.popularity_penalty else None


def _labelling(job: ClassifyJob, request: Classify, adapter: str | None) -> Labelling:
    """P of each label; of equally likely ones the first is given, as in the run's predictions."""
    if not request.texts:
        raise UserError("There is no text: give at least one.")
    asked = [_fields(text, job.fields) for text in request.texts]
    return Labelling(
        tuple(
            _scored(text, job.task.labels, row, job.cut(fields))
            for text, fields, row in zip(request.texts, asked, job.answer(asked).tolist(), strict=True)
        ),
        adapter,
    )


def _scored(text: str, labels: Sequence[str], logs: Sequence[float], cut: int | None) -> ScoredText:
    """A text with its log P of each label, and the number of tokens that it was cut to."""
    if not all(map(math.isfinite, logs)):
        raise UserError(
            "The model's answer is not a number: its weights are broken. Ask the untuned model, or fork the "
            "run with a lower train.learning_rate."
        )
    label = labels[logs.index(max(logs))]
    return ScoredText(text, label, dict(zip(labels, map(math.exp, logs), strict=True)), cut)


def _fields(text: str, fields: Mapping[str, str | None]) -> dict[str, str]:
    """The fields of a text, which is the one in which the training texts differ, or a JSON object of several.

    `fields`: as in `ClassifyJob`. Raises UserError for an empty text, and where an object is needed.
    """
    if not text.strip():
        raise UserError("A text is empty: give at least one word.")
    asked = [name for name, value in fields.items() if value is None]
    given = {asked[0]: text} if len(asked) == 1 else _object(text, asked)
    if unknown := next((name for name in given if name not in fields), None):
        raise UserError(f"The texts have no field {clean(unknown)!r}.{did_you_mean(unknown, fields)}")
    values = {name: given.get(name, value) for name, value in fields.items()}
    return {name: value for name, value in values.items() if value is not None}


def _object(text: str, names: Sequence[str]) -> dict[str, str]:
    """The JSON object that a text of several fields is. Raises UserError when it is something else."""
    try:
        given = parse_json(text.encode(errors="replace"))
    except ValueError:
        given = None
    if not isinstance(given, dict) or not given or not all(isinstance(each, str) for each in given.values()):
        example = json.dumps(dict.fromkeys(map(clean, names), "…"), ensure_ascii=False)
        raise UserError(f"The texts of this run have {len(names)} fields: give each one as {example}.")
    return given


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
