"""The model card of a run's adapter, in the format of the Hugging Face hub."""

import json
import re
from collections.abc import Iterator
from typing import Any

from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tasks.defaults import case_noun, facts_of, uses
from promptrec_tui.text import cases_text, clean, few_cases, metric_text


def card(spec: RunSpec, report: dict[str, Any], step: int) -> str:
    """The card in Markdown: the adapter of `step`, its training, its results and its limits.

    It holds no path of this machine: base model and dataset go by name and SHA-256.
    """
    parts = [
        *_front_matter(spec),
        f"# {clean(spec.name)}",
        "",
        *_summary(spec, step),
        *_use(spec, report),
        *_figures(spec, report),
        *_training(spec, step),
        *_template(spec),
        *_limits(spec, report),
    ]
    return "\n".join(parts) + "\n"


def _front_matter(spec: RunSpec) -> Iterator[str]:
    # A JSON string is also a YAML string, for any characters in the name.
    yield "---"
    yield f"base_model: {json.dumps(clean(spec.model.name), ensure_ascii=False)}"
    yield f"library_name: {'peft' if spec.settings.tuning.peft else 'transformers'}"
    facts = facts_of(spec.task)
    yield f"pipeline_tag: {facts.pipeline}"
    if re.fullmatch(r"[a-z]{2,3}", spec.template.language):
        yield f"language: {json.dumps(spec.template.language)}"
    yield "tags:"
    method = spec.settings.tuning.method.replace("_", "-")
    yield from (f"- {tag}" for tag in (method, facts.field, "promptrec"))
    yield "---"
    yield ""


def _summary(spec: RunSpec, step: int) -> Iterator[str]:
    yield (
        f"{spec.settings.tuning.result} that turns {clean(spec.model.name)} into a "
        f"{facts_of(spec.task).made} for the dataset "
        f"{clean(spec.dataset.name)}, from step {step} of its training."
    )
    if spec.parent:
        yield (
            f"Its training started from the adapter of run {clean(spec.parent.name)} "
            f"(sha256 {spec.parent.sha256[:12]}); untuned means the base model without any adapter."
        )
    yield ""


def _use(spec: RunSpec, report: dict[str, Any]) -> Iterator[str]:
    given = json.dumps(clean(spec.model.name), ensure_ascii=False)
    kind = "AutoModelForCausalLM"
    if spec.model.family == "encoder":
        kind = "AutoModelForSequenceClassification"
        given += f", num_labels={len(report['labels'])}"
    loader = (
        "from peft import PeftModel"
        if spec.settings.tuning.peft
        else "from safetensors.torch import load_file"
    )
    yield from ("## Use", "", "```python", loader, f"from transformers import {kind}")
    yield ""
    yield "# The folder or hub id of the base model, and the folder in which this file lies."
    yield f"base = {kind}.from_pretrained({given})"
    if spec.settings.tuning.peft:
        yield 'model = PeftModel.from_pretrained(base, "adapter")'
    else:
        yield "# The file holds the trained weights only; all others stay those of the base model."
        yield 'base.load_state_dict(load_file("adapter/tuned_weights.safetensors"), strict=False)'
    yield from ("```", "")
    yield f"The files of the base model have the sha256 {spec.model.sha256[:12]} (as promptrec counts it)."
    yield ""


def _figures(spec: RunSpec, report: dict[str, Any]) -> Iterator[str]:
    metrics, noun = report["metrics"], case_noun(spec.task)
    names = list(
        next((values for values in (metrics["after"], *metrics["baselines"].values()) if values), ())
    )
    rankers = {
        "untuned": metrics["before"],
        **metrics.get("references", {}),
        **metrics["baselines"],
        "**tuned**": metrics["after"],
    }
    if blend := metrics.get("blend"):
        rankers["**blend**"] = blend
    yield from ("## Figures", "")
    yield f"| {cases_text(report['users'], f'test {noun}')} | {' | '.join(map(metric_text, names))} |"
    yield f"|---|{'---|' * len(names)}"
    for ranker, values in rankers.items():
        yield f"| {ranker} | {' | '.join(_number(values.get(name)) for name in names)} |"
    yield ""
    if warning := few_cases(report["users"], noun):
        yield from (f"**{warning}**", "")
    if noise := report.get("noise", {}).get("sentence"):
        yield from (noise, "")
    if calibration := report.get("calibration", {}).get("sentence"):
        yield from (calibration, "")
    for other, gain in metrics["gain"].items():
        interval = gain[report["lead"]]
        yield (
            f"{'Blend' if other == 'blend' else 'Tuned'} minus "
            f"{'untuned' if other == 'before' else gain['name']}, {metric_text(report['lead'])}: "
            f"{_number(interval['value'])} "
            f"(95 % interval {_number(interval['low'])} to {_number(interval['high'])})."
        )
        yield ""
    yield "Protocol: " + ", ".join(f"{name} {value}" for name, value in report["protocol"].items()) + "."
    yield ""


def _training(spec: RunSpec, step: int) -> Iterator[str]:
    tuning, train, data = spec.settings.tuning, spec.settings.train, spec.settings.data
    facts = {
        "task": spec.task,
        "method": ", ".join(
            value if name == "method" else f"{name} {value}" for name, value in tuning.model_dump().items()
        ),
        "learning rate": f"{train.learning_rate:g}, {train.scheduler}, warm-up {train.warmup:g} of all steps",
        "optimiser": f"{train.optimizer}, weight decay {train.weight_decay:g}, "
        f"gradient norm at most {train.max_grad_norm:g}",
        "steps": f"{step}, of {train.batch_size} targets each",
        "targets seen": f"{step * train.batch_size:,} at most, repetitions counted",
        "loss": _loss(spec),
        **(
            {"history": f"at most {data.max_history} events before a target, {data.window} windows"}
            if uses(spec.task, "data.max_history")
            else {}
        ),
        "seed": str(train.seed),
        "precision": train.precision,
        "dataset": f"{clean(spec.dataset.name)}, sha256 {spec.dataset.sha256[:12]}",
    }
    yield from ("## Training", "", "| | |", "|---|---|")
    for name, text in facts.items():
        cell = clean(text).replace("|", "\\|")
        yield f"| {name} | {cell} |"
    yield ""


def _loss(spec: RunSpec) -> str:
    train = spec.settings.train
    if not uses(spec.task, "train.loss", spec.model.family):
        return "cross-entropy of the label"
    if train.loss == "catalogue":
        return f"over the titles of the catalogue alone, temperature {train.temperature:g}"
    return f"each {train.loss} counts alike"


def _template(spec: RunSpec) -> Iterator[str]:
    template = spec.template
    yield from ("## Template", "")
    yield f"{clean(template.name)}, version {template.version}, sha256 {template.sha256[:12]}."
    yield ""
    for entry in template.text_fields():
        name, text = entry.metadata["label"].partition(",")[0].capitalize(), getattr(template, entry.name)
        if text:
            # A fence has to be longer than every row of backticks in the text.
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            yield from (f"{name}:", "", fence + "jinja", *map(clean, text.split("\n")), fence, "")
    end = "the tokenizer's own" if template.end_token is None else repr(template.end_token)
    yield f"End token: {end}. Wrapped as: {template.wrap}."
    yield ""


def _limits(spec: RunSpec, report: dict[str, Any]) -> Iterator[str]:
    protocol = report["protocol"]
    yield from ("## Limits", "")
    texts = case_noun(spec.task) == "text"
    if texts:
        yield (
            f"- It gives each text one of {protocol['labels']:,} labels, also a text that none of them fits: "
            f"{', '.join(map(clean, report['labels']))}."
        )
        yield (
            f"- The figures are of {report['users']:,} texts of the dataset's test part. They hold under the "
            "protocol above only, and not for texts of other sources or times."
        )
    else:
        yield (
            f"- It ranks the {protocol['catalogue']:,} items of its dataset by their titles. "
            "Other titles it can score, but it was not trained on them and no figure above is about them."
        )
        yield (
            f"- The figures are of {report['users']:,} users, with the last event of each as the target. "
            "They hold under the protocol above only, and not for other users, times or catalogues."
        )
    if not report["metrics"]["after"]:
        why = (
            "its test did not fit the memory of the GPU" if report.get("missing") else "the run ended before"
        )
        yield f"- There are no figures of the tuned model: {why}."
    if texts:
        yield "- Prompts have to be made with the template above."
        yield "- It has learned from the texts of its dataset and may repeat what is in them."
        return
    history = spec.settings.data.max_history
    yield f"- Prompts have to be made with the template above, with at most {history} events of history."
    yield "- It has learned from the histories of real or simulated users and may repeat what is in them."


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
