from pathlib import Path

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset

CASE = Path(__file__).parent / "json-items"


@pytest.mark.parametrize("name", ["array", "dict", "pretty"])
def test_items_in_one_json_value_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    target = tmp_path / "datasets" / "d.sqlite"
    read = import_dataset(CASE / "events.csv", target, ImportOptions(items=CASE / f"{name}.json"))
    assert (read.interactions, read.items, read.rejected) == (36, 6, 0)
    with open_dataset(target) as dataset:
        assert [(item.key, item.title) for item in dataset.items()] == [
            (f"i{n}", f"Film i{n}") for n in range(6)
        ]
