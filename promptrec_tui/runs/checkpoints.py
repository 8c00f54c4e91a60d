"""Checkpoints that can be trusted: a manifest written last says what each file must be."""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, sha256_file, sync_file, sync_folder, write_json
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.typed import Count, build

MANIFEST = "manifest.json"
DIGEST = "manifest"
"""The manifest's own sha256 in the manifest."""
FORMAT = 1


@dataclass(frozen=True)
class FileFacts:
    """What a file of a checkpoint must be."""

    size: Count
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says."""

    step: Count
    spec: str
    files: Mapping[str, FileFacts]
    extra: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint; `extra` is what its trainer wants back (best value, patience, …)."""

    path: Path
    step: int
    extra: Mapping[str, Any]


def checkpoint_path(folder: RunFolder, step: int) -> Path:
    """The folder of the checkpoint of a step: `checkpoints/checkpoint-S`, as transformers names it."""
    return folder.checkpoints / f"checkpoint-{step}"


def publish(folder: RunFolder, step: int, extra: Mapping[str, Any] | None = None) -> Checkpoint:
    """Make the files in the checkpoint of `step` count: all of them on the disk, then the manifest.

    A crash before the end leaves a folder that does not verify. Raises FileNotFoundError when there is none.
    """
    path, extra = checkpoint_path(folder, step), dict(extra or {})
    (path / MANIFEST).unlink(missing_ok=True)
    names = _names(path)
    for name in names:
        sync_file(path / name)
    for inner in {(path / name).parent for name in names}:
        sync_folder(inner)
    manifest = {
        "format": FORMAT,
        "step": step,
        "time": time.time(),
        "spec": sha256_file(folder.spec_file),
        "files": {
            name: {"size": (path / name).stat().st_size, "sha256": sha256_file(path / name)} for name in names
        },
        "extra": extra,
    }
    write_json(path / MANIFEST, {**manifest, DIGEST: _digest(manifest)})
    sync_folder(folder.checkpoints)
    return Checkpoint(path, step, extra)


def verify(path: Path) -> Checkpoint:
    """The checkpoint at `path`, after every file in it was read and compared with the manifest.

    Raises UserError that names the first thing wrong: no manifest, another run, a file lost, added, changed.
    """
    try:
        manifest = read_json(path / MANIFEST)
        said = build(Manifest, manifest)
    except FileNotFoundError:
        raise UserError(f"{path} is incomplete: it has no {MANIFEST}.") from None
    except (OSError, ValueError):
        raise UserError(f"{path / MANIFEST} is damaged.") from None
    if manifest.get("format") != FORMAT:
        raise UserError(f"{path} has format {manifest.get('format')}: this promptrec reads format {FORMAT}.")
    # A flipped bit in the standing or the step would else be believed. The first checkpoints had no digest.
    if (digest := manifest.pop(DIGEST, None)) and digest != _digest(manifest):
        raise UserError(f"{path / MANIFEST} is damaged.")
    if said.spec != _spec_digest(path):
        raise UserError(f"{path} was made by another run: its spec is not that of run.json beside it.")
    names = set(_names(path))
    if difference := sorted(names ^ said.files.keys()):
        problem = "is not in its manifest" if difference[0] in names else "is missing"
        raise UserError(f"{path} is damaged: {difference[0]} {problem}.")
    for name, facts in said.files.items():
        try:
            same = (path / name).stat().st_size == facts.size and sha256_file(path / name) == facts.sha256
        except OSError as error:
            raise UserError(f"{path / name} cannot be read: {error.strerror}.") from None
        if not same:
            raise UserError(f"{path} is damaged: {name} is not what was written.")
    return Checkpoint(path, said.step, said.extra)


def _spec_digest(path: Path) -> str:
    try:
        return sha256_file(path.parent.parent / "run.json")
    except OSError:
        return ""


def newest_verified(folder: RunFolder) -> Checkpoint | None:
    """The latest checkpoint that verifies. Only looks: a reader may call it while a trainer writes."""
    for path in reversed(_folders(folder)):
        try:
            return verify(path)
        except UserError:
            continue
    return None


def quarantine_damaged(folder: RunFolder) -> list[Path]:
    """Move every checkpoint that does not verify to `quarantine/`; answers where they are now.

    For the trainer at its start, when nothing else writes checkpoints of the run.
    """
    moved = []
    for path in _folders(folder):
        try:
            verify(path)
        except UserError:
            folder.quarantine.mkdir(exist_ok=True)
            target = folder.quarantine / f"{path.name}.{time.time_ns()}"
            path.rename(target)
            moved.append(target)
    if moved:
        sync_folder(folder.checkpoints)
        sync_folder(folder.quarantine)
    return moved


def rotate(folder: RunFolder, keep: Collection[int] = (), last: int = 2) -> list[int]:
    """Delete published checkpoints but the `last` newest and the steps in `keep`; answers the steps gone.

    Call it after `publish`, so that a newer good one is on the disk before an older one goes.
    """
    published = published_paths(folder)
    gone = []
    for path in published[: max(0, len(published) - last)]:
        if (step := _step(path)) not in keep:
            (path / MANIFEST).unlink()
            shutil.rmtree(path)
            gone.append(step)
    return gone


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def published_paths(folder: RunFolder) -> list[Path]:
    """The checkpoints that have a manifest, by rising step; whether they verify is not looked at."""
    return [path for path in _folders(folder) if (path / MANIFEST).exists()]


def no_adapter(folder: RunFolder) -> str:
    """What is said where a run is to be evaluated that has no adapter."""
    return (
        f"The run has no adapter to evaluate: there is no checkpoint in {folder.checkpoints} and nothing in "
        f"{folder.adapter}. Resume it without --evaluate, so that it trains."
    )


def _folders(folder: RunFolder) -> list[Path]:
    """The checkpoint folders, by rising step."""
    if not folder.checkpoints.is_dir():
        return []
    return sorted(
        (path for path in folder.checkpoints.iterdir() if re.fullmatch(r"checkpoint-[0-9]{1,12}", path.name)),
        key=_step,
    )


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _names(path: Path) -> list[str]:
    """The files under `path`, but for the manifest and temporary neighbours of it."""
    if not path.is_dir():
        raise FileNotFoundError(path)
    names = (file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    return sorted(name for name in names if name != MANIFEST and not name.startswith(f".{MANIFEST}."))
