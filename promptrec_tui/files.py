"""Files written so that a crash leaves the old one or the new one, never a torn one."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError

FileState = tuple[int, int, int, int]
"""Inode, size, time of writing and of any change: others once a file was written or replaced."""


def file_state(path: Path) -> FileState | None:
    """How a file or folder stands; None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    # A copy that keeps its time, under an inode that was free again, differs in the last one only.
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


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
    """Replace `path` by `value` as JSON in UTF-8. A NaN is refused: whoever measures it writes null."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode())


def read_json(path: Path) -> Any:
    """The JSON value in `path`.

    Raises FileNotFoundError, or ValueError when the file is not JSON.
    """
    return parse_json(path.read_bytes())


def parse_json(data: bytes) -> Any:
    """The JSON value in `data`. Raises ValueError when it is none."""
    value = json.loads(data)
    if b"\\ud" in data.lower():
        # JSON can name half of a surrogate pair; no database, file or terminal takes it.
        value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    return value


def inside(root: Path, path: Path) -> Path:
    """`path` with the links on the way to it resolved, but not itself.

    Raises UserError when it does not lie in `root` then: nothing of somebody else's is to be deleted.
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
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_folder(folder: Path) -> str:
    """Hex SHA-256 over the names and contents of a folder's files, in name order."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()
