"""Why an attempt ended, and what the sentence tells to do."""

import signal

import pytest

from promptrec_tui.runs.diagnosis import End, diagnose, explain, gpu_memory
from promptrec_tui.runs.states import State


@pytest.mark.parametrize(
    ("end", "state", "words"),
    [
        (End(-signal.SIGKILL), State.INTERRUPTED, "SIGKILL from outside: resume"),
        (End(-signal.SIGKILL, short_of_memory=True), State.FAILED, "probably for want of memory"),
        (End(-signal.SIGKILL, killed=True, short_of_memory=True), State.INTERRUPTED, "Killed on request"),
        (End(143), State.INTERRUPTED, "SIGTERM from outside"),
        (End(-signal.SIGSEGV, ["loading"]), State.FAILED, "was ended by SIGSEGV: loading"),
        (End(-64), State.FAILED, "was ended by SIGRTMAX: it printed nothing"),
        (End(1, ["Traceback", "ValueError: odd"]), State.FAILED, "ended with status 1: ValueError: odd"),
        (End(1, ["ModuleNotFoundError: No module named 'peft'"]), State.FAILED, "named 'peft'): install it"),
        (End(1, ["MemoryError"]), State.FAILED, "The machine ran out of memory"),
        (End(1, ["OSError: [Errno 28] No space left on device"]), State.FAILED, "disk is full: make room"),
    ],
)
def test_each_end_has_its_sentence(end: End, state: State, words: str) -> None:
    verdict, reason = diagnose(end)
    assert verdict == state
    assert words in reason


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "The GPU ran out of memory"),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: not enough memory", "The machine ran out"),
        ("RuntimeError: CUDA error: device-side assert triggered", "nvidia-smi"),
        ("ImportError: libcudart.so.12: cannot open shared object file", "install it again"),
        ("PermissionError: [Errno 13] Permission denied: '/x'", "permissions"),
    ],
)
def test_errors_that_are_known(line: str, words: str) -> None:
    assert words in str(explain(line))


def test_other_errors_are_not_guessed_at() -> None:
    assert explain("ValueError: no memory of that title") is None


def test_a_step_too_large_is_done_in_more_forwards_of_the_same_targets() -> None:
    remedy = gpu_memory("my run", 7, forwards=3, rows=8, checkpointing=False, history=50)
    assert remedy.settings == {"train.accumulate": 6}
    assert "promptrec run fork 'my run' --set train.accumulate=6" in remedy.reason
    assert "step 7" in remedy.reason


def test_a_row_too_large_needs_something_else() -> None:
    remedy = gpu_memory("r", 1, forwards=128, rows=1, checkpointing=False, history=50)
    assert remedy.settings == {"train.gradient_checkpointing": True}
    assert "--set train.gradient_checkpointing=true" in remedy.reason
    remedy = gpu_memory("r", 1, forwards=128, rows=1, checkpointing=True, history=50)
    assert remedy.settings == {"data.max_history": 25}
    assert "the result changes" in remedy.reason
