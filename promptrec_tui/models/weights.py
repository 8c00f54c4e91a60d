"""The safetensors format, read without any library: only headers, never the weights.

A file is 8 bytes of header length (little endian), a JSON header, and the tensors' bytes one after another
(https://huggingface.co/docs/safetensors).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
PICKLES = frozenset((".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack"))
HEADER_LIMIT = 100_000_000  # bytes, the format's own
WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # bytes a value, of the kinds that hold plain weights
MASKS = {"BOOL": 1, "U8": 1}  # old files carry attention masks along, which are no parameters
PLACES = "position_ids"  # nor are these, the numbers 0, 1, 2 and so on as I64


@dataclass(frozen=True)
class Weights:
    """What the headers of a model's weight files say; `shapes` holds each tensor's sizes by its name."""

    parameters: int
    size_bytes: int
    problems: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def read_weights(folder: Path) -> Weights:
    """Check the weight files in `folder`: the single one if there is one, else the shards of the index."""
    if (folder / SINGLE).is_file():
        return _read_shards(folder, {SINGLE: set()})
    if (folder / INDEX).is_file():
        try:
            shards = _index_shards(folder / INDEX)
        except ValueError as error:
            return Weights(0, 0, (f"{INDEX} {error}.",))
        return _read_shards(folder, shards)
    if pickles := pickle_names(folder):
        problem = f"The folder has {pickles[0]}, a format that can run code, but no {SINGLE}."
    else:
        problem = f"The folder has no weights ({SINGLE})."
    return Weights(0, 0, (problem,))


def pickle_names(folder: Path) -> list[str]:
    """Names of the weight files in `folder` that are never opened."""
    return sorted(path.name for path in folder.glob("*") if path.suffix in PICKLES)


def _read_shards(folder: Path, shards: dict[str, set[str]]) -> Weights:
    """The sum over `shards`, each a file name with the tensors that the index puts there (none: any)."""
    parameters = size = 0
    problems: list[str] = []
    shapes: dict[str, tuple[int, ...]] = {}
    for name, expected in shards.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"The weight file {name} is missing; fetch the model again.")
            continue
        size += path.stat().st_size
        try:
            tensors = read_tensors(path)
        except ValueError as error:
            problems.append(f"The weight file {name} {error}; fetch the model again.")
            continue
        parameters += sum(count for _, count in tensors.values())
        shapes |= {tensor: shape for tensor, (shape, _) in tensors.items()}
        if expected and (stray := expected ^ set(tensors)):
            problems.append(
                f"{INDEX} and {name} disagree about {len(stray)} tensors, {min(stray)} first; "
                "fetch the model again."
            )
    return Weights(parameters, size, tuple(problems), shapes)


def _index_shards(path: Path) -> dict[str, set[str]]:
    """Tensor names by shard. Raises ValueError with the second half of a sentence."""
    if path.stat().st_size > HEADER_LIMIT:
        raise ValueError("is too large for an index of weight files")
    try:
        entries = json.loads(path.read_bytes())["weight_map"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("is not an index of weight files") from None
    shards: dict[str, set[str]] = {}
    for tensor, name in entries:
        if not isinstance(name, str) or "/" in name or "\\" in name or not name.endswith(".safetensors"):
            raise ValueError(f"names {name!r}, which is no safetensors file in the folder")
        shards.setdefault(name, set()).add(tensor)
    if not shards:
        raise ValueError("lists no tensors")
    return shards


def read_header(path: Path) -> dict[str, int]:
    """How many parameters each tensor of a safetensors file holds, by name. Raises as `read_tensors` does."""
    return {name: count for name, (_, count) in read_tensors(path).items()}


def read_tensors(path: Path) -> dict[str, tuple[tuple[int, ...], int]]:
    """The (shape, number of parameters) of each tensor of a safetensors file, by name.

    Raises ValueError, with the second half of a sentence, when the file is not exactly as its header says.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(HEADER_LIMIT, size - 8):
            raise ValueError("is cut short or no safetensors file")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise ValueError("has a damaged header") from None
    if not isinstance(header, dict):
        raise ValueError("has a damaged header")
    header.pop("__metadata__", None)
    end = 0
    shapes: dict[str, tuple[tuple[int, ...], int]] = {}
    tensors = [_tensor(name, entry) for name, entry in header.items()]
    for name, start, stop, shape, count in sorted(tensors, key=lambda tensor: tensor[1:3]):
        if start != end:
            raise ValueError(f"has a gap or an overlap before the tensor {name}")
        end, shapes[name] = stop, (shape, count)
    if end != size - 8 - length:
        raise ValueError(f"holds {size - 8 - length:,} bytes of weights where its header says {end:,}")
    if not shapes:
        raise ValueError("holds no tensors")
    return shapes


def _tensor(name: str, entry: Any) -> tuple[str, int, int, tuple[int, ...], int]:
    """(name, start, stop, shape, parameters) of one header entry."""
    try:
        shape, (start, stop) = entry["shape"], entry["data_offsets"]
        dtype = entry["dtype"]
        plain = all(isinstance(number, int) and number >= 0 for number in (*shape, start, stop))
    except (KeyError, TypeError, ValueError):
        plain = False
    if not plain:
        raise ValueError(f"has a damaged entry for the tensor {name}")
    width = 8 if dtype == "I64" and name.endswith(PLACES) else (WIDTHS | MASKS).get(str(dtype))
    if width is None:
        raise ValueError(f"holds {name} as {dtype}, which is no plain weight ({', '.join(WIDTHS)} are)")
    count = math.prod(shape)
    if stop - start != count * width:
        raise ValueError(f"has a damaged entry for the tensor {name}")
    if not count:
        raise ValueError(f"has no values in the tensor {name}")
    return name, start, stop, tuple(shape), count if dtype in WIDTHS else 0
