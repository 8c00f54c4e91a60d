"""Zip archives, unpacked with limits: plain files with safe names and the declared sizes only."""

import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from promptrec_tui.datasets.faults import quoted, shown_name
from promptrec_tui.datasets.quarantine import answer, read_apart
from promptrec_tui.errors import UserError

MOST_ENTRIES = 100_000
MOST_BYTES = 32 << 30
MOST_TIMES = 200
RATIO_FROM_BYTES = 1 << 20
"""Smaller entries may be packed as tightly as they like."""
CHUNK = 1 << 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
IGNORED = ("__MACOSX/", ".DS_Store")


def unpack(archive: Path, folder: Path) -> Path:
    """Take all of `archive` out into `folder`, in a child process; returns where its files begin.

    Nothing is written before every entry was looked at. Raises UserError, naming the entry, for one that
    leads out of the folder, is no plain file, is encrypted, is an archive, or unpacks to far too much; for
    names that differ in letter case only; and where the archive is damaged.
    """
    folder.mkdir()
    read_apart("promptrec_tui.datasets.archive", archive, str(folder.absolute()))
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder


def extract(archive: Path, folder: Path) -> None:
    """As `unpack`, in this process."""
    try:
        with zipfile.ZipFile(archive) as file:
            entries = [entry for entry in file.infolist() if not _is_ignored(entry.orig_filename)]
            _check(archive, entries)
            for entry in entries:
                _write(archive, file, entry, folder)
    except zipfile.BadZipFile as error:
        detail = str(error).rstrip(".")
        if "not a zip file" in detail:
            detail = "it has no list of entries at its end"
        raise UserError(
            f"{shown_name(archive)} is damaged or incomplete: {detail}. Get a fresh copy."
        ) from None
    except (zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise UserError(f"{shown_name(archive)} cannot be unpacked: {error}. Get a fresh copy.") from None


def _is_ignored(name: str) -> bool:
    return name.startswith(IGNORED[0]) or PurePosixPath(name).name == IGNORED[1]


def _check(archive: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    if not entries:
        raise UserError(f"{shown_name(archive)} is an archive without files.")
    if len(entries) > MOST_ENTRIES:
        raise _refused(
            archive, f"it has {len(entries):,} entries, {MOST_ENTRIES:,} at most. Unpack it yourself"
        )
    if (total := sum(entry.file_size for entry in entries)) > MOST_BYTES:
        raise _refused(
            archive, f"it unpacks to {total >> 30:,} GiB, {MOST_BYTES >> 30} at most. Unpack it yourself"
        )
    seen: dict[str, str] = {}
    for entry in entries:
        name = entry.orig_filename
        if fault := _fault(entry):
            raise _refused(archive, f"its entry {quoted(name)} {fault}")
        folded = unicodedata.normalize("NFC", name.rstrip("/")).casefold()
        if other := seen.get(folded):
            raise _refused(
                archive, f"its entries {quoted(other)} and {quoted(name)} have one name. Rename one of them"
            )
        seen[folded] = name


def _fault(entry: zipfile.ZipInfo) -> str | None:
    """What is wrong with an entry, as the end of a sentence."""
    name = entry.orig_filename
    parts = name.rstrip("/").split("/")
    if "\\" in name or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
        return "leads out of the folder, or has an odd path. Such an archive is not to be trusted"
    if not name.isprintable():
        return "has control characters in its name. Such an archive is not to be trusted"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device, no plain file. Such an archive is not to be trusted"
    if entry.flag_bits & 0x1:
        return "is encrypted. Unpack it yourself, with its password"
    if entry.compress_type not in METHODS:
        return "is packed in a way that is not read here. Unpack it yourself"
    if name.lower().endswith(".zip"):
        return "is an archive itself. Unpack it yourself"
    if entry.file_size > RATIO_FROM_BYTES and entry.file_size > MOST_TIMES * max(entry.compress_size, 1):
        times = entry.file_size // max(entry.compress_size, 1)
        return f"unpacks to {times:,} times its size, {MOST_TIMES} at most. It looks like a bomb"
    return None


def _write(archive: Path, file: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / entry.orig_filename
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    written = 0
    with open(descriptor, "wb") as out, file.open(entry) as packed:
        while chunk := packed.read(CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                name = quoted(entry.orig_filename)
                raise _refused(archive, f"its entry {name} is longer than it says. Get a fresh copy")
            out.write(chunk)


def _refused(archive: Path, fault: str) -> UserError:
    return UserError(f"{shown_name(archive)} is refused: {fault}.")


def _answer(arguments: Sequence[str]) -> str:
    archive, folder = map(Path, arguments)
    extract(archive, folder)
    return ""


if __name__ == "__main__":
    answer(_answer)
