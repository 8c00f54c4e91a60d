"""The check of a run before it starts: a process that reads a spec as JSON on stdin and trains nothing.

It writes lines `{"done", "total", "name"}` and, last, a `Preflight` as JSON, or `{"error"}`.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psutil

from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.phases import CHECK, DATASET, MODEL, steps_between_validations
from promptrec_tui.runs.preflight import Finding, Forecast, Preflight
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tasks.defaults import case_noun
from promptrec_tui.text import cases_text, clean, duration_text, size_text
from promptrec_tui.tuning.answer_lines import Say, answer_lines
from promptrec_tui.tuning.blend_fit import PipeJournal
from promptrec_tui.tuning.gpu_lease import borrow
from promptrec_tui.tuning.requests import RequestInbox

if TYPE_CHECKING:
    import torch

    from promptrec_tui.models.methods import Tuned
    from promptrec_tui.tuning.batches import Steps
    from promptrec_tui.tuning.jobs.job import Job

LOOKED_AT = 64
"""Steps among which the largest is searched."""
HEADROOM = 0.1
"""Share of the memory that should stay free."""


def check_run(spec: RunSpec, device: str, say: Say) -> Preflight:
    """The findings and the forecast of a run. Raises UserError where it could not start at all."""
    # Imported here, because torch reads environment variables that `borrow` sets.
    from promptrec_tui.models.loading import choose_device, choose_dtype
    from promptrec_tui.tuning.jobs.job import open_job

    folder = RunFolder(find_home().runs / spec.id)
    journal = PipeJournal(folder, say)
    journal.phase(DATASET, message="Reading the dataset")
    job = open_job(spec, folder.home, journal, RequestInbox(journal))
    journal.phase(MODEL, message=f"Loading {clean(spec.model.name)}")
    torch_device = choose_device(device)
    tuned = job.load(torch_device, choose_dtype(spec.settings.train.precision, torch_device))
    job.tick = lambda: None
    journal.phase(CHECK, message="Comparing fast forwards with plain ones")
    job.check()
    plan = job.steps()
    journal.phase(CHECK, message="One step of training")
    forecast, rehearsed = _rehearse(job, tuned, plan, torch_device, spec)
    cases = cases_text(job.test_cases, case_noun(spec.task))
    findings = [
        Finding("data", "pass", f"{plan.targets:,} targets of an epoch; the test has {cases}."),
        Finding("model", "pass", _trained(tuned)),
        Finding("engine", "pass", "Fast forwards give what plain ones give."),
        *_end_token(spec),
        *rehearsed,
        _memory(forecast.memory, torch_device),
        _disk(forecast.disk, folder),
        *(Finding("warning", "warn", warning) for warning in journal.warnings),
        Finding("time", "pass", _time(forecast)),
    ]
    return Preflight(tuple(findings), forecast)


def _trained(tuned: "Tuned") -> str:
    """How many weights train."""
    weights = list(tuned.model.parameters())
    trained = sum(weight.numel() for weight in weights if weight.requires_grad)
    every = sum(weight.numel() for weight in weights)
    return f"{trained:,} of {every:,} weights train ({trained / every:.2%})."


def _end_token(spec: RunSpec) -> list[Finding]:
    """Which token every answer ends with; nothing where no answer is written."""
    if spec.model.family != "causal":
        return []
    token = spec.template.end_token
    named = f"the end token of the template, {token!r}" if token else "the model's own end token"
    return [Finding("end token", "pass", f"Answers end with {named}, which is trained.")]


def _rehearse(
    job: "Job", tuned: "Tuned", plan: "Steps", device: "torch.device", spec: RunSpec
) -> tuple[Forecast, list[Finding]]:
    """Compute the first step and the largest of the first ones with their gradients, and one evaluation.

    The weights stay as they are: the optimiser steps at a learning rate of 0.
    """
    import torch

    train = spec.settings.train
    trained = [weight for weight in tuned.model.parameters() if weight.requires_grad]
    peak, findings, steps, seconds = _Peak(device), [], plan.total_steps if trained else 0, 0.0
    if steps:
        optimiser = torch.optim.AdamW(trained, lr=0.0)
        sizes = {
            step: sum(batch["token_ids"].numel() for batch in plan.batches(step))
            for step in range(min(LOOKED_AT, plan.total_steps))
        }
        times, losses = {}, {}
        for step in {0, max(sizes, key=lambda step: sizes[step])}:
            start = time.perf_counter()
            losses[step] = sum(_backward(job, tuned, batch, device) for batch in plan.batches(step))
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            times[step] = time.perf_counter() - start
            peak.look()
        finite = all(map(math.isfinite, losses.values()))
        largest = f"The largest of {len(sizes)} steps has {max(sizes.values()):,} tokens"
        text = f"{largest}; the first loss is {losses[0]:.3g}."
        findings.append(Finding("step", "pass" if finite else "fail", text))
        # The first step of a process is slow, and the largest is no typical one: by their tokens.
        seconds = min(times[step] / sizes[step] for step in times) * sum(sizes.values()) / len(sizes)
        # Adversarial training computes each batch twice.
        seconds *= 2 if train.adversarial else 1
    start = time.perf_counter()
    values = job.validate(0, lambda done, total: None)
    evaluation = time.perf_counter() - start
    peak.look()
    settings = spec.settings.evaluation
    text = f"Validation of {settings.monitor_users:,} cases took {evaluation:.2g} s."
    findings.append(Finding("evaluation", "pass" if values else "fail", text))
    validations = steps // steps_between_validations(train.eval_every, steps) if steps else 0
    whole = evaluation * (validations + 1 + 2 * job.test_cases / max(1, settings.monitor_users))
    kept = sum(weight.nbytes for weight in trained)
    # A checkpoint has the weights and their two moments; the newest, the best and the one being written.
    return Forecast(steps, seconds, steps * seconds, whole, peak.bytes, kept + 9 * kept), findings


def _backward(job: "Job", tuned: "Tuned", batch: Any, device: "torch.device") -> float:
    """The loss of a batch, with its gradients."""
    import torch

    tuned.model.train()
    moved = {
        name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in batch.items()
    }
    loss = job.loss(tuned.model, moved)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


class _Peak:
    """The most memory that this process was seen to have: on a GPU as the allocator knows it."""

    def __init__(self, device: "torch.device") -> None:
        self.device, self.bytes = device, 0
        self.look()

    def look(self) -> None:
        """Compare with the present state."""
        if self.device.type == "cuda":
            import torch

            present = torch.cuda.max_memory_reserved(self.device)
        else:
            import resource

            # In KiB on Linux, in bytes on macOS.
            unit = 1 if sys.platform == "darwin" else 1024
            present = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        self.bytes = max(self.bytes, present)


def _memory(needed: int, device: "torch.device") -> Finding:
    """Whether what was needed leaves room."""
    if device.type == "cuda":
        import torch

        free, whole = torch.cuda.mem_get_info(device)
        room = free + torch.cuda.memory_reserved(device)
    else:
        memory = psutil.virtual_memory()
        room, whole = memory.available + psutil.Process().memory_info().rss, memory.total
    text = f"At most {size_text(needed)} were used; {size_text(room)} of {size_text(whole)} are there for it."
    return Finding("memory", "pass" if needed < (1 - HEADROOM) * room else "warn", text)


def _disk(needed: int, folder: RunFolder) -> Finding:
    """Whether checkpoints and result fit the disk of the home."""
    free = psutil.disk_usage(str(folder.home.root)).free
    text = f"Checkpoints and result may take {size_text(needed)}; {size_text(free)} are free."
    return Finding("disk", "pass" if needed < free else "fail", text)


def _time(forecast: Forecast) -> str:
    """The forecast of time in a sentence."""
    return (
        f"About {duration_text(forecast.training_seconds)} of training ({forecast.steps:,} steps of "
        f"{forecast.step_seconds:.2g} s) and {duration_text(forecast.evaluation_seconds)} of evaluation."
    )


def main(read: Callable[[], str] = sys.stdin.read) -> int:
    """Check the run whose spec stdin has."""

    def answer(say: Say) -> dict[str, Any]:
        try:
            spec = RunSpec.model_validate(json.loads(read()))
        except ValueError as error:
            raise UserError(f"The spec of the run cannot be read: {error}") from None
        # The lock of a GPU is held until the process ends.
        device, _slot = borrow(find_home(), spec.settings.run)
        return asdict(check_run(spec, device, say))

    return answer_lines("checking a run", answer)


if __name__ == "__main__":
    sys.exit(main())
