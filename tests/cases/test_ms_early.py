from pathlib import Path

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset

CASE = Path(__file__).parent / "ms-early"


def test_early_milliseconds_are_read_and_told(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    target = tmp_path / "datasets" / "d.sqlite"
    read = import_dataset(CASE / "events.csv", target, ImportOptions(items=CASE / "items.csv"))
    written = (CASE / "events.csv").read_text().splitlines()[1:]
    with open_dataset(target) as dataset:
        kept = sorted(row.timestamp or 0 for row in dataset.rows(0, 1000))
    assert kept == sorted(int(line.split(",")[2]) for line in written)
    assert any("look like milliseconds" in warning for warning in read.warnings)
