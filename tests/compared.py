"""Run folders with reports, for tests of comparisons: what a trainer would have written."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from promptrec_tui.evaluation.metrics import classification_metrics, ranking_metrics
from promptrec_tui.evaluation.predictions import Predictions, ranked
from promptrec_tui.evaluation.protocol import Protocol
from promptrec_tui.evaluation.report import build_report, with_blend
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef

PROMPT = "{% for item in history %}{{ item.title }}\n{% endfor %}"


def write_spec(
    home: Home,
    name: str,
    settings: Mapping[str, Any] | None = None,
    task: str = "next_item",
    prompt: str = PROMPT,
    data: str = "0" * 64,
    versions: Mapping[str, str] | None = None,
) -> RunFolder:
    """A run folder with a spec and nothing else; `data` is the hash of its dataset."""
    spec = RunSpec(
        id=f"run-{name}".replace(" ", "-"),
        name=name,
        created="2026-01-02T03:04:05+00:00",
        task=task,
        dataset=DatasetRef(id="d", name="films", file="datasets/d.sqlite", sha256=data),
        template=TemplateRef(
            id="t",
            name="list",
            version=1,
            task=task,
            language="en",
            prompt=prompt,
            completion="{{ item.title }}",
            sha256=hashlib.sha256(prompt.encode()).hexdigest(),
        ),
        model=ModelRef(
            id="m", name="tiny", folder="/none", sha256="0" * 64, family="causal", model_type="qwen3"
        ),
        settings=apply_settings(Settings(), settings or {}),
        versions=versions or {},
        machine={},
    )
    return create_run(home, spec)


def write_ranks(
    home: Home,
    name: str,
    ranks: Mapping[str, float],
    blend: Mapping[str, float] | None = None,
    **spec: Any,
) -> RunFolder:
    """A run whose adapter gave each user's target that rank."""
    folder = write_spec(home, name, **spec)
    folder.result.mkdir()
    report_ranks(folder, ranks, blend)
    return folder


def report_ranks(
    folder: RunFolder, ranks: Mapping[str, float], blend: Mapping[str, float] | None = None
) -> None:
    """The report of such a run."""
    settings = folder.spec().settings
    evaluation, data = settings.evaluation, settings.data
    metrics = ranking_metrics(evaluation.k)
    protocol = Protocol(
        split=data.split,
        tie_rule=data.tie_rule,
        catalogue=100,
        seen=evaluation.seen,
        score=evaluation.score,
        k=evaluation.k,
        cap=None,
        users=len(ranks),
        max_history=data.max_history,
        stage="test",
        dataset=folder.spec().dataset.sha256,
        window=data.window,
        precision="fp32",
        seed=1 if evaluation.seed is None else evaluation.seed,
    ).to_json()
    after, lead = ranked(tuple(ranks), list(ranks.values())), f"ndcg@{evaluation.k}"
    report = build_report(protocol, metrics, lead, after, after, {}, 1, ())
    if blend:
        report = with_blend(report, metrics, ranked(tuple(blend), list(blend.values())), after, 1)
    write_json(folder.report, report)


def write_labels(
    home: Home, name: str, target: Sequence[int], label: Sequence[int], truth: Sequence[float], **spec: Any
) -> RunFolder:
    """A run of classify that gave the texts these labels, and the true ones these probabilities."""
    folder = write_spec(home, name, task="classify", **spec)
    keys = tuple(f"t{number}" for number in range(len(target)))
    after = Predictions(
        keys,
        keys,
        {
            "target": np.array(target),
            "label": np.array(label),
            "logprob": np.array([math.log(value) for value in truth]),
            "confidence": np.array([max(value, 1 - value) for value in truth]),
        },
    )
    settings = folder.spec().settings
    protocol = {
        "task": "classify",
        "split": "of the source; valid, test drawn",
        "labels": 2,
        "score": settings.evaluation.score,
        "users": len(keys),
        "stage": "test",
        "dataset": folder.spec().dataset.sha256,
        "precision": "fp32",
        "seed": settings.evaluation.seed or 1,
    }
    report = build_report(protocol, classification_metrics(), "macro_f1", after, after, {}, 1, (), "text")
    folder.result.mkdir()
    write_json(folder.report, report)
    return folder
