"""Atomic file writes: a crash leaves the old file or the new one, never a mixture."""

import errno
import hashlib
import json
import math
import os
import shutil
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError

FileState = tuple[int, int, int, int]
"""Inode, size, time of writing and of any change: others once a file was written or replaced."""


def file_state(path: Path) -> FileState | None:
    """The identity, size and times of a file or folder; None when it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    # A copy that keeps its time, under an inode that was free again, differs in the last one only.
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_folder(path: Path) -> bool:
    """Whether there is a folder at `path`; a path that no file system takes has none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: temporary neighbour, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as JSON in UTF-8. A NaN is refused: write null instead."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode())


DEEPEST = 64
"""How deep a JSON value may be nested: ours are 8 deep, and what reads them descends by recursion."""

LARGEST_JSON = 256 << 20
"""Bytes that a JSON file may have."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one, for reading.

    A FIFO would block and a device never end, so both raise OSError, as folders do.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "It is no regular file", str(path))
    return open(descriptor, "rb")


def read_json(path: Path) -> Any:
    """The JSON value in `path`; see `parse_json`.

    Raises FileNotFoundError, OSError where it is no regular file, or ValueError when it is not JSON.
    """
    with open_regular(path) as file:
        data = file.read(LARGEST_JSON + 1)
    if len(data) > LARGEST_JSON:
        raise ValueError(f"it has more than {LARGEST_JSON >> 20} MiB")
    return parse_json(data)


def parse_json(data: bytes) -> Any:
    """The JSON value in `data`, which is UTF-8. Numbers that are not finite are null, as whoever writes one
    writes null; half a surrogate pair, which no database, file or terminal takes, becomes "?".

    Raises ValueError, and nothing else, when it is no JSON or nested deeper than `DEEPEST`.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=lambda _: None, parse_float=_float)
        if b"\\ud" in data.lower():
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if _is_deep(value):
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    return value


def _float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def inside(root: Path, path: Path) -> Path:
    """`path` with the links on the way to it resolved, but not itself.

    Raises UserError when it does not lie in `root` then: nothing outside may be deleted.
    """
    place = path.parent.resolve() / path.name
    if path.name == ".." or root.resolve() not in place.parents:
        raise UserError(f"{path} does not lie in {root}: it stays as it is.")
    return place


def delete(root: Path, path: Path) -> None:
    """Delete a file or folder that lies in `root`; links are deleted, never followed. It may be gone already.

    Raises UserError for a place outside.
    """
    place = inside(root, path)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Ask the system to put `path` on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


sync_folder = sync_file


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_folder(folder: Path) -> str:
    """Hex SHA-256 over the names and contents of a folder's files, in name order."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()
