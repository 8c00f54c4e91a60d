"""What is read back from a dataset file."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from promptrec_tui.datasets.dataset import Counts, Dataset, Row, User, open_dataset
from promptrec_tui.datasets.importer import Imported, ImportOptions, import_dataset
from promptrec_tui.errors import UserError


def test_users_stand_in_order_of_appearance_with_their_first_row(dataset):
    assert dataset.users() == [User(0, "ann", 3, 0), User(1, "bob", 3, 3)]
    assert dataset.counts == Counts(users=2, items=4, interactions=6, examples=0)


def test_items_stand_at_their_id_and_keep_keys_as_text_and_items_without_events(dataset):
    items = dataset.items()
    assert [(item.item_id, item.key, item.events) for item in items] == [
        (0, "a", 3), (1, "007", 1), (2, "b", 2), (3, "unseen", 0),
    ]  # fmt: skip
    assert items[0].title == "Alien, the film"
    assert items[2].attributes == {"year": "2018"}


def test_history_is_ordered_by_time_then_line(dataset):
    assert dataset.history(0) == [
        Row("ann", 0, "a", "Alien, the film", 5.0, 20),
        Row("ann", 1, "b", "影", 4.0, 30),
        Row("ann", 2, "007", "Dr. No", None, 30),
    ]


def test_the_tie_rule_orders_events_of_the_same_moment(dataset):
    assert list(dataset.sequences()) == [(0, [0, 2, 1]), (1, [0, 2, 0])]
    assert list(dataset.sequences("item")) == [(0, [0, 1, 2]), (1, [0, 2, 0])]
    assert dataset.sequence(0) == [0, 2, 1]
    assert dataset.sequence(0, "item") == [0, 1, 2]


def test_rows_page_through_the_whole_file(dataset):
    whole = dataset.rows(0, 100)
    assert len(whole) == 6
    assert [row for start in range(0, 8, 2) for row in dataset.rows(start, 2)] == whole
    assert dataset.rows(2, 2) == whole[2:4]
    assert whole == dataset.history(0) + dataset.history(1)


def test_a_page_is_found_through_the_index(dataset):
    plans = []
    dataset._connection.set_trace_callback(plans.append)
    dataset.rows(3, 2)
    dataset._connection.set_trace_callback(None)
    for statement in plans:
        steps = [row[3] for row in dataset._connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert steps
        assert all(step.startswith("SEARCH") for step in steps), steps


def test_users_are_paged_and_searched(dataset):
    assert [user.key for user in dataset.users(start=1)] == ["bob"]
    assert [user.key for user in dataset.users(limit=1)] == ["ann"]
    assert [user.key for user in dataset.users(contains="OB")] == ["bob"]
    assert dataset.user("bob") == dataset.user_at(1)


def test_an_unknown_user_gets_the_nearest_key(dataset):
    with pytest.raises(UserError, match=r'no user "anne".*mean "ann"'):
        dataset.user("anne")
    with pytest.raises(UserError, match='like "ann"'):
        dataset.user("99999")
    with pytest.raises(IndexError):
        dataset.user_at(2)


def test_titles_complete_from_the_start_first_then_inside_by_events(write, target):
    items = write("items.csv", "item,title\n1,The Ring\n2,Ringu\n3,RING TWO\n4,Spring\n5,Other\n")
    import_dataset(
        write("r.csv", "user,item\nu,4\nu,4\nu,4\nu,3\nu,1\nu,1\n"), target, ImportOptions(items=items)
    )
    with open_dataset(target) as dataset:
        assert [item.key for item in dataset.find_items("ring")] == ["3", "2", "4", "1"]
        assert [item.key for item in dataset.find_items("Ring", limit=1)] == ["3"]
        assert [item.key for item in dataset.find_items("", limit=2)] == ["4", "1"]
        assert dataset.find_items("%") == []


def test_items_are_found_by_title_and_key(dataset):
    assert dataset.item_by_title("影").key == "b"
    assert dataset.item_by_title("dr. no").key == "007"
    assert dataset.item_by_title("Dr") is None
    assert dataset.item_by_key("007").title == "Dr. No"
    assert dataset.item_by_key("7") is None


def test_the_file_cannot_be_written_through_a_dataset(dataset):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        dataset._connection.execute("DELETE FROM item")


def test_a_file_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(UserError, match="is gone"):
        open_dataset(tmp_path / "none.sqlite")
    (tmp_path / "text.sqlite").write_text("not a database, whatever its name says" * 100)
    with pytest.raises(UserError, match="not a dataset file"):
        open_dataset(tmp_path / "text.sqlite")
    with sqlite3.connect(tmp_path / "newer.sqlite") as connection:
        connection.execute("CREATE TABLE meta AS SELECT 'format_version' AS key, '99' AS value")
    with pytest.raises(UserError, match="format 99"):
        open_dataset(tmp_path / "newer.sqlite")


def test_a_file_of_version_1_is_read_as_one_of_today(films: tuple[Imported, Path], tmp_path: Path) -> None:
    """Version 1 had no text to search in and no attributes of users."""
    old = tmp_path / "old.sqlite"
    shutil.copy(films[1], old)
    with closing(sqlite3.connect(old)) as connection, connection:
        for table, column in (("item", "folded"), ("user", "folded"), ("user", "attributes")):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'format_version'")

    def reads(dataset: Dataset) -> list[object]:
        return [
            dataset.items(),
            dataset.users(contains="OB"),
            dataset.user("ann"),
            dataset.find_items("ALIEN"),
            dataset.find_items("o"),
            dataset.item_by_title("dr. no"),
            dataset.item_by_key("b"),
            dataset.rows(2, 3),
            dataset.history(0),
            list(dataset.sequences()),
        ]

    with open_dataset(films[1]) as new, open_dataset(old) as before:
        assert before.meta["format_version"] == "1"
        assert reads(before) == reads(new)
        assert all(reads(new))


def test_who_had_an_item_is_found_user_by_user(dataset: Dataset) -> None:
    for item in dataset.items():
        had = [row for row in dataset.rows(0, 100) if row.item_key == item.key]
        progress: list[tuple[int, int]] = []
        assert dataset.holders(item.item_id, 100, lambda done, users: progress.append((done, users))) == had  # noqa: B023
        assert progress[-1] == (dataset.counts.users, dataset.counts.users)
        assert dataset.holders(item.item_id, 1) == had[:1]
    assert len(dataset.holders(0, 100)) > 1
