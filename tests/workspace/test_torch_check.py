"""What doctor learns of torch: from a child, within a time, whatever that child does."""

import sys

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.runs.gpus import GIB, Gpu
from promptrec_tui.workspace import doctor
from promptrec_tui.workspace.torch_check import Torch, ask_torch

CPU = Torch("2.9.0+cpu", None, cuda=False, devices=(), bf16=False, mps=False)


def child(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_torch_is_asked_in_a_child() -> None:
    import torch

    answer = ask_torch()
    assert (answer.version, answer.cuda) == (torch.__version__, torch.cuda.is_available())
    assert answer.version in str(answer)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import time; time.sleep(60)", "does not respond within 0.5 seconds"),
        ("import os; os.abort()", "does not work \\(exit status -6\\)"),
        ("raise OSError('libcudart.so.12: not found')", "libcudart.so.12: not found"),
        ("print('hello')", "a response that cannot be read"),
        ("pass", "a response that cannot be read"),
        ("print('[' * 100000)", "a response that cannot be read"),
    ],
)
def test_a_torch_that_hangs_or_breaks_is_a_sentence(code: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        ask_torch(child(code), seconds=0.5 if "sleep" in code else 30)


@pytest.mark.parametrize(
    ("torch", "gpus", "ok", "said"),
    [
        (CPU, [], True, "without CUDA: it computes on the CPU in fp32"),
        (CPU, [Gpu(0, "GPU-a", 80 * GIB)], False, "the GPU here stays unused. Install a torch with CUDA"),
        (
            Torch("2.9.0", "12.8", cuda=False, devices=(), bf16=False, mps=False),
            [Gpu(0, "GPU-a", 80 * GIB)],
            False,
            "built for CUDA 12.8, which it cannot use here",
        ),
        (
            Torch("2.9.0", "12.8", cuda=True, devices=("NVIDIA T4",), bf16=False, mps=False),
            [Gpu(0, "GPU-a", 80 * GIB)],
            True,
            "computes on NVIDIA T4 (fp32 only, no bf16)",
        ),
    ],
)
def test_a_gpu_that_torch_does_not_use_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, torch: Torch, gpus: list[Gpu], ok: bool, said: str
) -> None:
    monkeypatch.setattr(doctor, "ask_torch", lambda: torch)
    monkeypatch.setattr(doctor, "installed_gpus", lambda: gpus)
    finding = doctor._torch()
    assert (finding.ok, said in finding.finding) == (ok, True)
