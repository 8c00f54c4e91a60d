"""A log of any size, part by part."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.runs import log_blocks
from promptrec_tui.runs.diagnosis import CAUSES, is_fault
from promptrec_tui.runs.log_blocks import LONGEST, LogBlock, find_line, lines_after, lines_before, shown_line

TEXT = st.lists(st.sampled_from(["", "a", "bc", "déf", "霸王", "x" * 9, "Error: y"]), max_size=12)

CAUSED = (
    *("MemoryError", "DefaultCPUAllocator: can't", "RuntimeError: CUDA out of memory. Tried"),
    *("HIP out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "OSError: [Errno 28] No space left on device"),
    *("Disk quota exceeded", "libx.so: cannot open shared object file", "CUDA driver is too old"),
    *("cuDNN error: 7", "PermissionError: [Errno 13] Permission denied: x", "No module named 'x'"),
)
"""Lines of logs, at least one for each known cause of a failure."""


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK", 10)


def texts(block: LogBlock) -> list[str]:
    return [line.text for line in block.lines]


def test_a_line_is_what_a_terminal_would_leave() -> None:
    assert shown_line(b"  0%|   \r 50%|##\r100%|####\r") == "100%|####"
    assert shown_line(b"100%|####\r         \r") == "100%|####"
    assert shown_line(b"\x1b[31mred\x1b[0m\tend") == "red end"
    assert shown_line(b"\x1b]8;;http://x\x1b\\link\x1b[2J") == "link"
    assert shown_line(b"\xff\x00") == "�"
    assert shown_line(b"x" * (LONGEST + 1_234)).endswith("x (1,234 more characters)")


@given(TEXT, st.booleans(), st.integers(10, 40))
def test_parts_make_up_the_whole_wherever_they_end(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ended: bool, size: int
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    log.write_bytes(text.encode())
    whole = text.split("\n")[:-1]
    before, log_blocks.BLOCK = log_blocks.BLOCK, size
    try:
        block = lines_before(log)
        rest = block.unfinished
        upwards = [*block.lines]
        while block.start:
            block = lines_before(log, block.start)
            upwards = [*block.lines, *upwards]
        downwards, block = [], lines_after(log, 0)
        downwards += block.lines
        while not block.at_end:
            block = lines_after(log, block.end)
            downwards += block.lines
    finally:
        log_blocks.BLOCK = before
    assert [line.text for line in upwards] == whole
    assert downwards == upwards
    assert (rest.text if rest else "") == text.split("\n")[-1]
    data = text.encode()
    assert all(data[line.start :].startswith(line.text.encode()) for line in upwards)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("forward", [True, False])
def test_a_search_goes_on_from_step_to_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forward: bool
) -> None:
    monkeypatch.setattr(log_blocks, "STEP", 20)
    log = tmp_path / "log"
    log.write_bytes(b"Needle\n" + b"hay hay\n" * 9 + b"a needle\n" + b"hay\n" * 9)
    size = log.stat().st_size
    place, steps, places = (0, 0, []) if forward else (size, 0, [])
    while True:
        step = find_line(log, "needle", place, forward)
        steps += 1
        place = step.reached
        if step.line is not None:
            places.append(step.line)
            place = log.read_bytes().index(b"\n", step.line) + 1 if forward else step.line
        elif place in (0, size):
            break
    assert sorted(places) == [0, 79]
    assert steps > 4
    assert find_line(log, "Needle", 0, True).line == 0
    assert find_line(log, "Needle", 7, True).line is None


def test_a_search_sees_what_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes("10%\r20%\rdone\n\x1b[1mÉtape\x1b[0m\ttwo\n".encode())
    assert find_line(log, "20%", 0, True).line is None
    assert find_line(log, "done", 0, True).line == 0
    assert find_line(log, "étape two", 0, True).line == 13


def test_every_known_cause_is_a_fault() -> None:
    for line in CAUSED:
        assert any(pattern.search(line) for pattern, _ in CAUSES), line
        assert is_fault(line), line
    for pattern, _ in CAUSES:
        assert any(pattern.search(line) for line in CAUSED), pattern
    assert not is_fault("step 120 loss 1.2 no errors, all is well")


def test_the_end_and_a_search_of_a_large_log_take_little_memory(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with open(log, "w") as file:
        for _ in range(40):
            file.write(f"step 1 {'.' * 92}\n" * 10_000)
        file.write("the end\n")
    tracemalloc.start()
    try:
        assert texts(lines_before(log))[-1] == "the end"
        step = find_line(log, "the end", 0, True)
        while step.line is None:
            step = find_line(log, "the end", step.reached, True)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert step.line == 40_000_000
    assert most < 4_000_000


def test_without_a_log_there_is_nothing(tmp_path: Path) -> None:
    assert lines_before(tmp_path / "none") == LogBlock(tmp_path / "none", 0, 0, 0)
    assert find_line(tmp_path / "none", "x", 0, True).line is None
