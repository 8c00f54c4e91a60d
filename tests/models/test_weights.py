import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptrec_tui.models.weights import read_header


def write(path: Path, header: Any, data: bytes = b"") -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def tensor(start: int, stop: int, shape: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def test_order_in_the_header_does_not_matter(tmp_path: Path) -> None:
    header = {"b": tensor(8, 16, [2, 1]), "__metadata__": {"format": "pt"}, "a": tensor(0, 8, [4], "BF16")}
    assert read_header(write(tmp_path / "x", header, bytes(16))) == {"a": 4, "b": 2}


@pytest.mark.parametrize(
    ("header", "size", "words"),
    [
        ({"a": tensor(0, 8, [2]), "b": tensor(12, 16, [1])}, 16, "gap"),
        ({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, 12, "overlap"),
        ({"a": tensor(4, 8, [1])}, 8, "gap"),
        ({"a": tensor(0, 8, [2])}, 12, "12 bytes of weights where its header says 8"),
        ({"a": tensor(0, 8, [3])}, 8, "damaged entry"),
        ({"a": tensor(0, 8, [-2])}, 8, "damaged entry"),
        ({"a": {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]}}, 8, "damaged entry"),
        ({"a": tensor(0, 2, [2], "F8_E4M3")}, 2, "F8_E4M3"),
        ({"a": {}}, 0, "damaged entry"),
        ([], 0, "damaged header"),
        ({}, 0, "no tensors"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: Any, size: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_header(write(tmp_path / "x", header, bytes(size)))


def test_a_huge_header_length_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes((2**60).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="cut short"):
        read_header(tmp_path / "x")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80))
def test_any_bytes_give_counts_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(len(data).to_bytes(8, "little") + data)
    with pytest.raises(ValueError, match=r"^(has|holds|is) "):
        read_header(tmp_path / "x")
