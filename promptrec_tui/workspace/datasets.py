"""Import, list, show and delete datasets."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from promptrec_tui.clock import now
from promptrec_tui.datasets.dataset import Dataset, open_dataset
from promptrec_tui.datasets.dataset import Example as Example
from promptrec_tui.datasets.dataset import Item as Item
from promptrec_tui.datasets.dataset import Row as Row
from promptrec_tui.datasets.dataset import User as User
from promptrec_tui.datasets.detection import FORMATS as FORMATS
from promptrec_tui.datasets.dialects import QUOTINGS as QUOTINGS
from promptrec_tui.datasets.dialects import Dialect as Dialect
from promptrec_tui.datasets.encodings import ENCODINGS as ENCODINGS
from promptrec_tui.datasets.importer import Imported as Imported
from promptrec_tui.datasets.importer import ImportOptions as ImportOptions
from promptrec_tui.datasets.importer import import_dataset
from promptrec_tui.datasets.preview import Part as Part
from promptrec_tui.datasets.preview import Preview as Preview
from promptrec_tui.datasets.preview import preview_source
from promptrec_tui.datasets.separators import SEPARATORS as SEPARATORS
from promptrec_tui.datasets.staging import staging_folder
from promptrec_tui.datasets.values import ORDERS as ORDERS
from promptrec_tui.errors import UserError
from promptrec_tui.files import delete, inside
from promptrec_tui.store import datasets as store
from promptrec_tui.store.datasets import DatasetRow as DatasetRow
from promptrec_tui.store.runs import list_runs
from promptrec_tui.text import clean, did_you_mean, path_text
from promptrec_tui.workspace.names import check_name
from promptrec_tui.workspace.opening import Workspace

Progress = Callable[[str, int, int], None]


def list_datasets(workspace: Workspace) -> list[DatasetRow]:
    """All datasets, newest first."""
    return store.list_datasets(workspace.catalogue)


def find_dataset(workspace: Workspace, dataset: str) -> DatasetRow:
    """The dataset of that name or id. Raises UserError with the nearest name."""
    return store.find_dataset(workspace.catalogue, dataset)


def open_listed(workspace: Workspace, dataset: str) -> Dataset:
    """The dataset file of that name or id, opened for reading; close it after use."""
    return open_dataset(workspace.home.root / find_dataset(workspace, dataset).file)


def import_source(
    workspace: Workspace,
    source: Path,
    name: str,
    options: ImportOptions | None = None,
    progress: Progress | None = None,
) -> DatasetRow:
    """Read `source` into a new dataset called `name`.

    Raises UserError, and leaves no files, when the source is wrong or the name exists.
    """
    check_name("dataset", name, [row.name for row in list_datasets(workspace)])
    identity = secrets.token_hex(4)
    file = f"datasets/{identity}.sqlite"
    target = workspace.home.root / file
    read = import_dataset(source, target, options or ImportOptions(), progress)
    row = DatasetRow(
        id=identity,
        name=name,
        file=file,
        sha256=read.sha256,
        source=path_text(source),
        format=read.format,
        users=read.users,
        items=read.items,
        interactions=read.interactions,
        examples=read.examples,
        rejected=read.rejected,
        warnings=read.warnings,
        created=now(),
    )
    try:
        store.add_dataset(workspace.catalogue, row)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return row


def preview(workspace: Workspace, source: Path, options: ImportOptions | None = None) -> Preview:
    """How `source` would be read, from its first rows, and their errors. Nothing is written."""
    return preview_source(source, options or ImportOptions(), workspace.home.datasets)


def try_import(
    workspace: Workspace, source: Path, options: ImportOptions | None = None, progress: Progress | None = None
) -> Imported:
    """Do the whole import and delete the dataset: the counts and warnings that an import would give.

    Raises UserError as the import would.
    """
    with staging_folder(workspace.home.datasets) as folder:
        return import_dataset(source, folder / "tried.sqlite", options or ImportOptions(), progress)


def dataset_rows(workspace: Workspace, dataset: str, start: int = 0, limit: int = 100) -> list[Row]:
    """`limit` interactions from row `start` on, user by user, each in time order."""
    with open_listed(workspace, dataset) as file:
        return file.rows(start, limit)


def dataset_examples(workspace: Workspace, dataset: str, start: int = 0, limit: int = 100) -> list[Example]:
    """`limit` labelled texts from number `start` on, in the order of their source."""
    with open_listed(workspace, dataset) as file:
        return list(file.examples(start, limit))


def dataset_users(
    workspace: Workspace, dataset: str, start: int = 0, limit: int = 100, contains: str = ""
) -> list[User]:
    """`limit` users from number `start` on whose key contains `contains`."""
    with open_listed(workspace, dataset) as file:
        return file.users(start, limit, contains)


def user_profile(workspace: Workspace, dataset: str, user: str) -> tuple[Mapping[str, str], list[Row]]:
    """A user's attributes from the source, and all interactions of the user, oldest first."""
    with open_listed(workspace, dataset) as file:
        owner = file.user(user)
        return owner.attributes, file.history(owner.user_id)


def find_titles(workspace: Workspace, dataset: str, text: str, limit: int = 8) -> list[Item]:
    """Items whose title begins with or contains `text`, the most popular first."""
    with open_listed(workspace, dataset) as file:
        return file.find_items(text, limit)


def find_item(file: Dataset, dataset: str, item: str) -> Item:
    """The item of that title or key. Raises UserError with near titles when there is none."""
    match = file.item_by_title(item) or file.item_by_key(item)
    if match is None:
        near = [known.title for known in file.find_items(item, 20) or file.items()]
        raise UserError(f"Dataset {dataset!r} has no item called {clean(item)!r}.{did_you_mean(item, near)}")
    return match


def item_holders(
    workspace: Workspace, dataset: str, item: str, limit: int, progress: Progress, is_key: bool = False
) -> tuple[Item, list[Row]]:
    """The item of that title or key, and the first `limit` interactions with it, user by user.

    `is_key`: `item` is a key, not a title. Raises UserError with near titles when there is no such item.
    """
    with open_listed(workspace, dataset) as file:
        match = (file.item_by_key(item) if is_key else None) or find_item(file, dataset, item)
        phase = f"looking for {match.title}"
        return match, file.holders(match.item_id, limit, lambda done, users: progress(phase, done, users))


def delete_dataset(workspace: Workspace, dataset: str) -> DatasetRow:
    """Delete a dataset and its file. Raises UserError while a run uses it."""
    row = find_dataset(workspace, dataset)
    if users := [run.name for run in list_runs(workspace.catalogue) if run.dataset == row.name]:
        raise UserError(
            f"Dataset {row.name!r} is used by run {users[0]!r}"
            f"{f' and {len(users) - 1} more' if users[1:] else ''}. Delete those runs first."
        )
    file = inside(workspace.home.datasets, workspace.home.root / row.file)
    store.delete_dataset(workspace.catalogue, row.id)
    delete(workspace.home.datasets, file)
    return row
