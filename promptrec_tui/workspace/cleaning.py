"""Cleaned datasets: the original stays, and the new one records its origin and steps."""

import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from promptrec_tui.clock import now
from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.store import datasets as store
from promptrec_tui.store.datasets import DatasetRow
from promptrec_tui.workspace.datasets import find_dataset, list_datasets, open_listed
from promptrec_tui.workspace.names import check_name
from promptrec_tui.workspace.opening import Workspace

if TYPE_CHECKING:
    from promptrec_tui.datasets.cleaning import Effect
    from promptrec_tui.datasets.contents import Contents
    from promptrec_tui.datasets.dataset import Counts

Progress = Callable[[str, int, int], None]

KEY_BYTES = 32


@dataclass(frozen=True)
class Cleaned:
    """The effect of the steps, the remaining counts, and the new dataset (None if it was only counted)."""

    effects: "tuple[Effect, ...]"
    counts: "Counts"
    row: DatasetRow | None


def clean_dataset(
    workspace: Workspace, dataset: str, name: str | None, steps: Sequence[str], progress: Progress
) -> Cleaned:
    """Make the dataset `name` from another one by steps such as "kcore=5"; only count if `name` is None.

    Raises UserError, and leaves no files, for an unknown step, a step that does not fit the data or leaves no
    rows, or a name that exists.
    """
    from promptrec_tui.datasets.cleaning import clean_contents, parse_steps
    from promptrec_tui.datasets.contents import read_contents

    if not steps:
        raise UserError("Say what to clean, for example --step dedupe=first --step kcore=5.")
    if name is not None:
        check_name("dataset", name, [row.name for row in list_datasets(workspace)])
    wanted = parse_steps(steps)
    parent = find_dataset(workspace, dataset)
    progress("reading", 0, 0)
    with open_listed(workspace, parent.id) as file:
        contents, meta = read_contents(file), file.meta
    progress("cleaning", 0, 0)
    # Counting needs no permanent key.
    secret = (
        (lambda: secrets.token_bytes(KEY_BYTES)) if name is None else lambda: pseudonym_key(workspace.home)
    )
    contents, effects = clean_contents(contents, wanted, secret)
    row = None
    if name is not None:
        sentences = [effect.sentence for effect in effects]
        row = _write(
            workspace, parent, name, [str(step) for step in wanted], sentences, contents, meta, progress
        )
    return Cleaned(tuple(effects), contents.counts, row)


def pseudonym_key(home: Home) -> bytes:
    """The home's secret for pseudonyms, made at the first call; readable by its owner only.

    Raises UserError when other users can read it, or it is not a complete key.
    """
    path = home.pseudonym_key
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # If two processes write it at once, one wins and both read the same key.
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    if path.stat().st_mode & 0o077:
        raise UserError(f"Others can read the key of pseudonyms, {path}. Take their rights away: chmod 600.")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise UserError(f"{path} is no key of pseudonyms. Put the old one back, or delete it for a new one.")
    return key


def _write(
    workspace: Workspace,
    parent: DatasetRow,
    name: str,
    steps: list[str],
    sentences: list[str],
    contents: "Contents",
    meta: dict[str, str],
    progress: Progress,
) -> DatasetRow:
    from promptrec_tui.datasets.contents import interaction_rows, user_rows
    from promptrec_tui.datasets.writer import write_dataset

    identity = secrets.token_hex(4)
    file = f"datasets/{identity}.sqlite"
    target = workspace.home.root / file
    counts = asdict(contents.counts)
    made_from = {"id": parent.id, "name": parent.name, "sha256": parent.sha256, "steps": steps}
    meta = {
        **meta,
        **{noun: str(count) for noun, count in counts.items()},
        "made_from": json.dumps(made_from, ensure_ascii=False),
        "warnings": json.dumps(sentences, ensure_ascii=False),
    }
    progress("writing", 0, 0)
    users, interactions = user_rows(contents), interaction_rows(contents)
    sha256 = write_dataset(target, lambda: meta, contents.items, users, interactions, contents.examples)
    row = DatasetRow(
        id=identity,
        name=name,
        file=file,
        sha256=sha256,
        source=parent.source,
        format=parent.format,
        rejected=0,
        warnings=tuple(sentences),
        created=now(),
        parent=parent.id,
        steps=tuple(steps),
        **counts,
    )
    try:
        store.add_dataset(workspace.catalogue, row)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return row
