import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.runs import logs
from promptrec_tui.runs.logs import last_lines, tail
from promptrec_tui.text import is_harmless

LINES = st.lists(st.sampled_from(["", "a", "bc", "déf", "x" * 9]), max_size=12)
ENDS = st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=12, max_size=12)


@given(LINES, ENDS, st.booleans(), st.integers(1, 14), st.integers(1, 9))
def test_the_tail_is_that_of_the_whole_file_wherever_blocks_end(
    tmp_path_factory, lines, ends, ended, count, block
):
    log = tmp_path_factory.mktemp("log") / "log"
    text = "".join(line + end for line, end in zip(lines, ends, strict=False))
    if not ended and lines:
        text += "last"
    log.write_bytes(text.encode())
    whole = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n") if text else []
    before, logs.BLOCK = logs.BLOCK, block
    try:
        last = [line.partition(" (")[0] for line in tail(log, count)]
    finally:
        logs.BLOCK = before
    expected = whole[-count:]
    assert len(last) == len(expected)
    for line, shown in zip(expected, last, strict=True):
        assert line.encode()[:block].decode(errors="replace") == shown


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_long_log_is_read_from_its_end(tmp_path, end):
    log = tmp_path / "log"
    with open(log, "w", newline="") as file:
        file.writelines(f"step {number} {'.' * 100}{end}" for number in range(300_000))
    tracemalloc.start()
    try:
        words = [line.split()[1] for line in tail(log, 2)]
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert words == ["299998", "299999"]
    assert most < 2_000_000


def test_of_a_very_long_line_the_beginning_is_shown_and_the_rest_counted(tmp_path):
    log = tmp_path / "log"
    with open(log, "wb") as file:
        file.write(b"first\n" + b"x" * 30_000_000 + b"\nlast\n")
    tracemalloc.start()
    try:
        lines = list(tail(log, 2))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines[0] == "x" * logs.BLOCK + f" ({30_000_000 - logs.BLOCK:,} more bytes)"
    assert lines[1] == "last"
    assert most < 2_000_000


def test_without_a_log_there_are_no_lines(tmp_path):
    assert list(tail(tmp_path / "none", 3)) == []
    assert last_lines(tmp_path / "none", 3) == []


def test_noise_is_shown_without_controls(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(random.Random(1).randbytes(10_000) + b"\n\x1b[2Jend\n")
    assert list(tail(log, 1)) == ["[2Jend"]
    assert all(is_harmless(char) for line in tail(log, 50) for char in line)
