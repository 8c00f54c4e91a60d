"""Small sources, and imports of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from promptrec_tui.datasets.dataset import Dataset, open_dataset
from promptrec_tui.datasets.importer import Imported, ImportOptions, import_dataset

RATINGS = (
    "user,item,rating,timestamp\nann,b,4,30\nbob,a,2.5,10\nann,a,5,20\nann,007,,30\nbob,b,3,10\nbob,a,1,11\n"
)
FILMS = 'item,title,year\na,"Alien, the film",1979\n007,Dr. No,1962\nb,影,2018\nunseen,Nobody,2000\n'

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a source file and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / "source" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the import writes, in a folder of its own."""
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets" / "d1.sqlite"


@pytest.fixture
def films(write: Write, target: Path) -> tuple[Imported, Path]:
    """The small pair of files, imported."""
    options = ImportOptions(items=write("films.csv", FILMS))
    return import_dataset(write("ratings.csv", RATINGS), target, options), target


@pytest.fixture
def dataset(films: tuple[Imported, Path]):
    """The small pair of files, opened."""
    with open_dataset(films[1]) as dataset:
        assert isinstance(dataset, Dataset)
        yield dataset
