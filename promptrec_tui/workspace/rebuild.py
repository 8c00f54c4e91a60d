"""A new catalogue from the home: runs from their folders, the rest from older catalogues and files."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.clock import time_text
from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_file, sha256_folder, sync_file, sync_folder
from promptrec_tui.home import Home
from promptrec_tui.models.check import check_model
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.prompts.template import template_as
from promptrec_tui.runs.base_models import EMBEDDED_ID, base_folder
from promptrec_tui.runs.folder import run_folders
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.store.app_lock import exclusive_lock
from promptrec_tui.store.backup import copies
from promptrec_tui.store.datasets import DatasetRow, add_dataset, list_datasets
from promptrec_tui.store.engine import BusyError, Catalogue, open_catalogue
from promptrec_tui.store.ingest import ingest
from promptrec_tui.store.models import ModelRow, add_model, list_models
from promptrec_tui.store.recovery import Salvaged, salvage
from promptrec_tui.store.runs import list_runs
from promptrec_tui.store.schema import is_damaged
from promptrec_tui.store.templates import TemplateRow, list_templates, restore_template
from promptrec_tui.workspace.names import free_name
from promptrec_tui.workspace.shipped import list_shipped

PARTS = ("", "-journal", "-wal", "-shm")
"""The suffixes of the files that belong to a database."""

BUILDING_SECONDS = 60.0
"""How long to wait for another process that rebuilds the catalogue."""

MOST_LOSSES = 3
"""How many losses are listed one by one after an automatic recovery."""


@dataclass(frozen=True)
class Rebuilt:
    """The numbers of recovered rows, the path of the old catalogue, and a sentence for each loss."""

    runs: int
    datasets: int
    templates: int
    models: int
    old: str | None
    losses: tuple[str, ...]


def rebuild(home: Home) -> Rebuilt:
    """Move the catalogue to the backups, and build a new one.

    Runs with their figures come from the run folders. Datasets, templates and models come from the old
    catalogue as far as it can be read, else from its newest valid copy; what is missing then comes from the
    dataset files, the specs of runs and the folder of models. Raises UserError when another program has the
    catalogue open.
    """
    home.create()
    with _building(home):
        lock = exclusive_lock(home, "its catalogue can be rebuilt")
        try:
            old = _put_aside(home)
        finally:
            lock.release()
        return _build(home, old)


def recover(home: Home) -> str:
    """Make the catalogue of a home that has lost it, as `rebuild` does; returns what came back, in words.

    Unlike `rebuild` it works while others have the lost file open; they continue with the new one. Returns ""
    when another process did it in the meantime. Raises UserError when another one has not finished after a
    minute.
    """
    with _building(home):
        if not is_lost(home):
            return ""
        rebuilt = _build(home, _put_aside(home))
    counts = f"{rebuilt.runs} runs, {rebuilt.datasets} datasets, {rebuilt.templates} templates"
    sentences = [f"The catalogue was gone: a new one was made from the folders ({counts})."]
    sentences += rebuilt.losses[:MOST_LOSSES]
    if len(rebuilt.losses) > MOST_LOSSES:
        sentences.append(f"{len(rebuilt.losses) - MOST_LOSSES} more things are missing.")
    return " ".join(sentences)


def is_lost(home: Home) -> bool:
    """Whether the home was used but has no catalogue, or an incomplete one."""
    if _size(home.rebuilding):
        return True
    if _size(home.database):
        return False
    traces = (home.datasets.glob("*.sqlite"), run_folders(home), home.models.iterdir(), copies(home))
    return any(True for paths in traces for _ in paths)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _building(home: Home) -> Iterator[None]:
    """Hold the lock `home.rebuilding`: one process at a time builds the catalogue.

    The file is not empty from the first change until the end: a process that finds it so after a kill starts
    again.
    """
    lock = take_lock(home.rebuilding, patience=BUILDING_SECONDS)
    if lock is None:
        raise UserError(f"The catalogue {home.database} is being rebuilt by another promptrec: try again.")
    try:
        yield
        home.rebuilding.unlink(missing_ok=True)
    finally:
        with suppress(FileNotFoundError):
            if not home.rebuilding.stat().st_size:
                home.rebuilding.unlink()
        lock.release()


def _build(home: Home, old: Path | None) -> Rebuilt:
    """Fill a new catalogue."""
    salvaged, losses = _salvaged(home, old)
    with closing(open_catalogue(home)) as catalogue:
        _put_back(catalogue, salvaged)
        list_shipped(catalogue)
        specs = _specs(home)
        losses += _datasets_from_files(home, catalogue, specs)
        losses += _models_from_folders(home, catalogue, specs)
        _templates_of_runs(catalogue, specs)
        # Another program that has opened the new catalogue may be reading the folders into it.
        with suppress(BusyError):
            ingest(home, catalogue)
        runs = list_runs(catalogue)
        losses += [f"Run {row.name}: {row.reason}" for row in runs if not row.task]
        return Rebuilt(
            runs=len(runs),
            datasets=len(list_datasets(catalogue)),
            templates=len(list_templates(catalogue)),
            models=len(list_models(catalogue)),
            old=str(old) if old else None,
            losses=tuple(losses),
        )


def _put_aside(home: Home) -> Path | None:
    """Move the catalogue into the backups, under a name that no rotation deletes; None when there is none.

    An incomplete catalogue of an earlier rebuild is deleted: the old catalogue is the one that it moved.
    """
    parts = [home.database.with_name(home.database.name + part) for part in reversed(PARTS)]
    before = home.backups / (home.rebuilding.read_text("utf-8").strip() or "none")
    if before.is_file():
        for path in parts:
            path.unlink(missing_ok=True)
        return before
    target = home.backups / f"replaced-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1_000_000:06}.db"
    # Written in place, because the lock is on this file.
    home.rebuilding.write_text(target.name, "utf-8")
    sync_file(home.rebuilding)
    for path, part in zip(parts, reversed(PARTS), strict=True):
        if path.exists():
            path.rename(target.with_name(target.name + part))
    sync_folder(home.backups)
    return target if target.exists() else None


def _salvaged(home: Home, old: Path | None) -> tuple[Salvaged, list[str]]:
    """What the old catalogue still has, completed from the newest valid copy where it is damaged."""
    copy = next((path for path in copies(home) if not is_damaged(path)), None)
    salvaged = salvage(old) if old else Salvaged(torn=["dataset", "template", "model"])
    if not salvaged.torn:
        return salvaged, []
    if copy:
        before = salvage(copy)
        # What was deleted since the copy was made must not come back.
        before.datasets = [row for row in before.datasets if (home.root / row.file).is_file()]
        for table, here, there in (
            ("dataset", salvaged.datasets, before.datasets),
            ("template", salvaged.templates, before.templates),
            ("model", salvaged.models, before.models),
        ):
            if table in salvaged.torn:
                here += there  # type: ignore[operator]
    if "template" not in salvaged.torn:
        return salvaged, []
    which = f"saved after {copy.name} was made" if copy else "that no run used"
    return salvaged, [f"Templates {which} may be missing."]


def _put_back(catalogue: Catalogue, salvaged: Salvaged) -> None:
    datasets = {row.id: row for row in reversed(salvaged.datasets)}
    for dataset in datasets.values():
        if dataset.name not in {row.name for row in list_datasets(catalogue)}:
            add_dataset(catalogue, dataset)
    models = {row.id: row for row in reversed(salvaged.models)}
    for model in models.values():
        if model.name not in {row.name for row in list_models(catalogue)}:
            add_model(catalogue, model)
    for template in salvaged.templates:
        restore_template(catalogue, template)


def _specs(home: Home) -> list[RunSpec]:
    """The specs that can be read, oldest first."""
    specs = []
    for folder in run_folders(home):
        try:
            specs.append(folder.spec())
        except (OSError, UserError):
            continue  # the run's row shows the error
    return sorted(specs, key=lambda spec: spec.created)


def _datasets_from_files(home: Home, catalogue: Catalogue, specs: Sequence[RunSpec]) -> list[str]:
    losses = []
    known = {spec.dataset.id: spec.dataset.name for spec in specs}
    for path in sorted(home.datasets.glob("*.sqlite")):
        listed = list_datasets(catalogue)
        if path.stem in {row.id for row in listed}:
            continue
        name = free_name(known.get(path.stem, f"recovered-{path.stem}"), [row.name for row in listed])
        try:
            add_dataset(catalogue, _dataset_row(path, name))
        except (UserError, OSError, ValueError, KeyError) as error:
            losses.append(f"Dataset file {path.name} cannot be listed: {error}")
            continue
        if path.stem not in known:
            losses.append(f"A dataset without a run lost its name: it is {name} now.")
    here = {row.id for row in list_datasets(catalogue)}
    gone = {name for identity, name in known.items() if identity not in here}
    return losses + [f"Dataset {name}, which runs used, is gone." for name in sorted(gone)]


def _dataset_row(path: Path, name: str) -> DatasetRow:
    with open_dataset(path) as file:
        meta, counts = file.meta, file.counts
    made_from = json.loads(meta.get("made_from", "null")) or {}
    sources = json.loads(meta.get("sources", "{}"))
    return DatasetRow(
        id=path.stem,
        name=name,
        file=f"datasets/{path.name}",
        sha256=sha256_file(path),
        source=next((str(source[0]) for source in sources.values()), path.name),
        format=meta["format"],
        users=counts.users,
        items=counts.items,
        interactions=counts.interactions,
        examples=counts.examples,
        rejected=int(meta.get("rejected", 0)),
        warnings=tuple(json.loads(meta.get("warnings", "[]"))),
        created=time_text(path.stat().st_mtime),
        parent=made_from.get("id"),
        steps=tuple(made_from.get("steps", ())),
    )


def _models_from_folders(home: Home, catalogue: Catalogue, specs: Sequence[RunSpec]) -> list[str]:
    """List the models of runs by their old names, then the other models in the folder of models."""
    losses = []
    wanted = {_place(home, spec): spec.model for spec in specs if spec.model.id != EMBEDDED_ID}
    there = [path for path in sorted(home.models.iterdir()) if path.is_dir()]
    for folder in dict.fromkeys([*wanted, *there]):
        listed = list_models(catalogue)
        if str(folder) in {row.folder for row in listed}:
            continue
        reference = wanted.get(folder)
        name = free_name(reference.name if reference else folder.name, [row.name for row in listed])
        if not folder.is_dir():
            losses.append(f"Model {name}, which runs used, is gone from {folder}.")
            continue
        check = check_model(folder)
        if not check.ok:
            losses.append(f"Model {name} in {folder} cannot be used: {' '.join(check.problems)}")
            continue
        sha256 = sha256_folder(folder)
        row = ModelRow(
            id=reference.id if reference else sha256[:8],
            name=name,
            folder=str(folder),
            sha256=sha256,
            family=check.family,
            model_type=check.model_type,
            parameters=check.parameters,
            embedded=False,
            source=str(folder),
            created=time_text(folder.stat().st_mtime),
        )
        add_model(catalogue, row)
    return losses


def _place(home: Home, spec: RunSpec) -> Path:
    """The current or former folder of a run's base model."""
    try:
        return base_folder(home, spec.model)
    except UserError:
        return Path(spec.model.folder)


def _templates_of_runs(catalogue: Catalogue, specs: Sequence[RunSpec]) -> None:
    """List the template versions that runs were made with, except built-in ones."""
    shipped = {template.name for template in builtin_templates()}
    own = {spec.template.id: spec for spec in reversed(specs) if spec.template.name not in shipped}
    for spec in sorted(own.values(), key=lambda spec: (spec.template.name, spec.template.version)):
        row = template_as(TemplateRow, spec.template, builtin=False, created=spec.created)
        restore_template(catalogue, row)
