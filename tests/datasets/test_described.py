"""Titles and attributes in the file of interactions itself."""

import json

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset

HEADER = ("user_id", "item_id", "item_title", "category", "rating", "timestamp", "country", "review")


def events():
    for user in range(12):
        for step in range(6):
            item = (user * 5 + step * 3) % 14
            yield (
                *(f"u{user}", f"i{item}", f"Film {item}, part 1", "abc"[item % 3], str(1 + step % 5)),
                *(str(1_500_000_000 + step), ("NL", "DE")[user % 2], f"review {user} {step}"),
            )


@pytest.fixture
def target(tmp_path):
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets" / "d.sqlite"


def write(tmp_path, kind, rows):
    path = tmp_path / f"e.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in rows))
    elif kind == "csv":
        path.write_text("\n".join(",".join(f'"{field}"' for field in row) for row in [HEADER, *rows]) + "\n")
    else:
        import duckdb

        csv = write(tmp_path, "csv", rows)
        duckdb.sql(f"COPY (FROM read_csv('{csv}', all_varchar = true)) TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_items_and_users_are_described_by_their_events(kind, tmp_path, target):
    read = import_dataset(write(tmp_path, kind, list(events())), target, ImportOptions())
    with open_dataset(target) as dataset:
        for item in dataset.items():
            number = int(item.key[1:])
            assert item.title == f"Film {number}, part 1"
            assert item.attributes == {"category": "abc"[number % 3]}
        assert dataset.user("u1").attributes == {"country": "DE"}
    said = " ".join(read.warnings)
    assert f'The items are described by e.{kind} itself: "item_title", "category"' in said
    assert "The users are described by" in said
    assert "title of each item is its key" not in said


def test_of_several_titles_the_last_counts_and_is_told(tmp_path, target):
    rows = list(events())
    rows.append(("u99", "i3", "Another name", "a", "1", "1500000000", "NL", "x"))
    read = import_dataset(write(tmp_path, "csv", rows), target, ImportOptions())
    with open_dataset(target) as dataset:
        assert dataset.item_by_key("i3").title == "Another name"
    assert any(
        '1 items have several values of "item_title": the last one counts' in said for said in read.warnings
    )


def test_a_title_is_what_a_person_says(tmp_path, target):
    path = tmp_path / "e.csv"
    path.write_text("user,sku,product text\n" + "".join(f"u{n},s{n % 4},Thing {n % 4}\n" for n in range(12)))
    options = ImportOptions(mapping={"item": "sku", "title": "product text"})
    import_dataset(path, target, options)
    with open_dataset(target) as dataset:
        assert sorted(item.title for item in dataset.items()) == [f"Thing {n}" for n in range(4)]


def test_a_column_that_differs_from_event_to_event_describes_nothing(tmp_path, target):
    path = tmp_path / "e.csv"
    rows = "".join(f"u{n % 3},i{n % 4},review {n}\n" for n in range(24))
    path.write_text("user,item,title\n" + rows)
    read = import_dataset(path, target, ImportOptions())
    with open_dataset(target) as dataset:
        assert [item.title for item in dataset.items()] == ["i0", "i1", "i2", "i3"]
    assert any("title of each item is its key" in said for said in read.warnings)
