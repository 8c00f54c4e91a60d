"""Files of shops, of Excel and without quotes, that once were refused or lost events."""

from collections import Counter
from pathlib import Path

import pytest

from promptrec_tui.datasets.dataset import Dataset, open_dataset
from promptrec_tui.datasets.dialects import Dialect
from promptrec_tui.datasets.importer import Imported, ImportOptions, import_dataset
from promptrec_tui.errors import UserError

CASES = Path(__file__).parent


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets" / "d.sqlite"


def imported(
    target: Path, source: Path, items: Path | None = None, **more: object
) -> tuple[Imported, Dataset]:
    read = import_dataset(source, target, ImportOptions(items=items, **more))  # type: ignore[arg-type]
    return read, open_dataset(target)


def test_titles_keep_their_quotes_and_no_row_is_swallowed(target: Path) -> None:
    case = CASES / "tsv-quotes"
    read, dataset = imported(target, case / "events.tsv", case / "swallow.tsv")
    with dataset:
        titles = [item.title for item in dataset.items()]
    assert (read.interactions, read.rejected) == (42, 0)
    assert len(titles) == len((case / "swallow.tsv").read_text().splitlines()) - 1
    assert '"Live' in titles
    assert any("quotes that enclose no field" in warning for warning in read.warnings)


def test_a_quote_in_the_middle_stops_nothing(target: Path) -> None:
    case = CASES / "tsv-quotes"
    read, dataset = imported(target, case / "events.tsv", case / "stops.tsv")
    with dataset:
        assert '"Odd" Name' in [item.title for item in dataset.items()]
    assert read.interactions == 42


def test_without_a_line_of_names_no_event_is_lost(target: Path) -> None:
    source = CASES / "no-header" / "events.csv"
    mapped = {"user": "u0", "item": "i0", "timestamp": "1500000000"}
    for mapping in ({}, mapped):
        with pytest.raises(UserError, match=r'look like data \("u0", "i0", .*--no-header .*--map user=1'):
            import_dataset(source, target, ImportOptions(mapping=mapping))
    numbers = {"user": "1", "item": "2", "timestamp": "3"}
    read, dataset = imported(target, source, mapping=numbers, dialect=Dialect(header=False))
    with dataset:
        rows = dataset.rows(0, 100)
    assert read.interactions == len(rows) == 36
    assert (rows[0].user, rows[0].item_key, rows[0].timestamp) == ("u0", "i0", 1_500_000_000)


def test_identical_rows_of_items_count_once(target: Path) -> None:
    case = CASES / "exact-duplicates"
    read, dataset = imported(target, case / "events.csv", case / "twice.csv")
    with dataset:
        counted = Counter(item.key for item in dataset.items())
    assert set(counted.values()) == {1}
    assert any("repeated letter for letter" in warning for warning in read.warnings)


def test_a_title_that_is_too_long_is_named_and_left_out_on_request(target: Path) -> None:
    case = CASES / "exact-duplicates"
    options = ImportOptions(items=case / "long.csv")
    with pytest.raises(
        UserError, match=r"long\.csv, line \d+: the title has 2,001 .*item \"i\d+\".*--skip-bad"
    ):
        import_dataset(case / "events.csv", target, options)
    read, dataset = imported(target, case / "events.csv", case / "long.csv", dialect=Dialect(skip_bad=True))
    dataset.close()
    assert read.interactions > 0
    assert any("1 row of long.csv left out as invalid (line" in warning for warning in read.warnings)


def test_excel_tells_its_separator_and_writes_decimal_commas(target: Path) -> None:
    for name in ("sep.csv", "comma.csv"):
        read, dataset = imported(target, CASES / "excel-sep" / name)
        with dataset:
            ratings = {row.rating for row in dataset.rows(0, 1000)}
        assert read.interactions == 36
        if name == "comma.csv":
            assert ratings == {4.5}
            assert any('decimal commas: "4,5" was read as 4.5' in warning for warning in read.warnings)
        target.unlink()


def test_a_long_field_is_taken_in_csv_as_in_json_lines(target: Path, tmp_path: Path) -> None:
    long = "word " * 28_000
    events, csv, lines = (tmp_path / name for name in ("events.csv", "items.csv", "items.jsonl"))
    events.write_text("user_id,item_id\n" + "".join(f"u{u},i{i}\n" for u in range(3) for i in range(4)))
    csv.write_text("item_id,title,text\n" + "".join(f'i{i},Film {i},"{long}"\n' for i in range(4)))
    lines.write_text(
        "".join(f'{{"item_id": "i{i}", "title": "Film {i}", "text": "{long}"}}\n' for i in range(4))
    )
    for items in (csv, lines):
        read, dataset = imported(target, events, items)
        with dataset:
            assert {item.attributes["text"] for item in dataset.items()} == {long}
        assert read.interactions == 12
        target.unlink()
