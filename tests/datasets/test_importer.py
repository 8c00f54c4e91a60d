"""From source files to a dataset file."""

import csv
import json
import re
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import Imported, ImportOptions, import_dataset
from promptrec_tui.datasets.preview import preview_source
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_file

MOVIELENS = Path(__file__).parents[3] / "shared" / "data" / "ml-latest-small"


def read(target):
    with open_dataset(target) as dataset:
        return dataset.rows(0, 1_000)


def test_the_report_counts_what_the_file_holds(films):
    imported, target = films
    assert imported.sha256 == sha256_file(target)
    assert (imported.format, imported.users, imported.items, imported.interactions) == ("csv", 2, 4, 6)
    assert (imported.examples, imported.rejected) == (0, 0)
    with open_dataset(target) as dataset:
        assert dataset.meta["interactions"] == "6"
        assert json.loads(dataset.meta["columns"])["items"] == {"key": "item", "title": "title"}
        assert tuple(json.loads(dataset.meta["warnings"])) == imported.warnings


def test_the_same_source_gives_the_same_bytes(films, write):
    imported, target = films
    source, items = target.parents[1] / "source" / "ratings.csv", target.parents[1] / "source" / "films.csv"
    again = import_dataset(source, target.with_name("d2.sqlite"), ImportOptions(items=items))
    assert again.sha256 == imported.sha256


def test_without_an_items_file_the_title_is_the_key(write, target):
    imported = import_dataset(
        write("r.tsv", "user_id\tfilm_id\nu\t007\nu\tNA\nv\t9007199254740993\n"), target, ImportOptions()
    )
    assert imported.items == 3
    assert any("no items file" in warning for warning in imported.warnings)
    assert any("no timestamps" in warning for warning in imported.warnings)
    assert [(row.user, row.title, row.rating, row.timestamp) for row in read(target)] == [
        ("u", "007", None, None),
        ("u", "NA", None, None),
        ("v", "9007199254740993", None, None),
    ]


def test_columns_are_mapped_by_name(write, target):
    options = ImportOptions(
        items=write("i.csv", "nr;name;title\n1;x;first\n"),
        mapping={"user": "who", "item": "what", "key": "nr", "title": "name"},
    )
    import_dataset(write("r.csv", "what;who;when\n1;me;5\n"), target, options)
    with open_dataset(target) as dataset:
        assert dataset.user_at(0).key == "me"
        assert dataset.items()[0].title == "x"
        assert dataset.items()[0].attributes == {"title": "first"}


def test_the_key_column_is_the_one_called_like_the_interactions_item_column(write, target):
    items = write("i.csv", "movie_id,code,title\n1,s1,One\n")
    options = ImportOptions(items=items, mapping={"item": "code"})
    import_dataset(write("r.csv", "user,code\nu,s1\n"), target, options)
    assert read(target)[0].title == "One"


def test_moments_order_a_history_below_the_second(write, target):
    rows = "u,c,2020-01-01T00:00:00.75Z\nu,b,1577836800.5\nu,a,2020-01-01\nu,d,1577836801\n"
    import_dataset(write("r.csv", f"user,item,timestamp\n{rows}"), target, ImportOptions())
    assert [row.item_key for row in read(target)] == ["a", "b", "c", "d"]
    assert [row.timestamp for row in read(target)] == [1577836800, 1577836800, 1577836800, 1577836801]


def test_unknown_items_are_rejected_and_said(write, target):
    items = write("i.csv", "item,title\na,A\n")
    rows = "user,item\nlost,x\nu,a\nu,y\n"
    imported = import_dataset(write("r.csv", rows), target, ImportOptions(items=items))
    assert (imported.rejected, imported.interactions, imported.users) == (2, 1, 1)
    assert '"x" (line 2), "y" (line 4)' in imported.warnings[0]


def test_what_a_person_should_know_is_said(write, target):
    items = write("i.csv", "item,title\na,Same\nb,Same\nc,\nd,esc\x1b[2J\n")
    rows = "user,item,timestamp\n" + "u,a,1\nu,a,1\nu,a,2\nu,b,9\nu,c,9\n"
    imported = import_dataset(write("r.csv", "\ufeff" + rows), target, ImportOptions(items=items))
    said = "\n".join(imported.warnings)
    for part in (
        "byte order mark",
        "1 interactions repeat user, item and timestamp",
        "1 interactions come back to an item",
        "1 of 1 users have their last two",
        "1 items have no title",
        "1 titles hold control",
        "1 items share their title",
    ):
        assert part in said, part
    with open_dataset(target) as dataset:
        assert [item.title for item in dataset.items()] == ["Same", "Same", "c", "esc\x1b[2J"]


@pytest.mark.parametrize(
    ("rows", "warning"),
    [("u,a,1600000000000\n", "milliseconds"), ("u,a,-5\nu,a,1\n", "before 1970.*line 2: -5")],
)
def test_odd_timestamps_are_said(rows, warning, write, target):
    imported = import_dataset(write("r.csv", f"user,item,timestamp\n{rows}"), target, ImportOptions())
    assert re.search(warning, "\n".join(imported.warnings))


def test_a_movielens_folder_with_double_colons(write, target):
    write("ratings.dat", "1::10::5::978300760\n1::20::3::978300750\n")
    movies = write(
        "movies.dat",
        "10::Les Misérables (1995)::Drama|Musical\n20::Heat: x (1995)::Action\n".encode("latin-1"),
    )
    imported = import_dataset(movies.parent, target, ImportOptions())
    assert imported.format == "movielens"
    assert any("Latin-1" in warning for warning in imported.warnings)
    assert [row.title for row in read(target)] == ["Heat: x (1995)", "Les Misérables (1995)"]
    with open_dataset(target) as dataset:
        assert dataset.items()[0].attributes == {"genres": "Drama|Musical"}


def test_movies_in_utf8_are_read_as_utf8(write, target):
    write("ratings.dat", "1::10::5::978300760\n")
    movies = write("movies.dat", "10::Amélie (2001)::Comedy\n")
    imported = import_dataset(movies.parent, target, ImportOptions(format="movielens"))
    assert imported.warnings == ()
    assert read(target)[0].title == "Amélie (2001)"


SOUND = "user,item,rating,timestamp\nu,a,1,1\n"
BAD_FILES = {
    "empty": ("", "r.csv is empty"),
    "blank lines only": ("\n\n", "r.csv is empty"),
    "header only": ("user,item\n", "r.csv names its columns and has no rows"),
    "no name in the header": (",,\n1,2,3\n", "line 1: the first line must name"),
    "UTF-16": (SOUND.encode("utf-16"), "looks like utf-16: choose the encoding utf-16"),
    "gzip": (b"\x1f\x8b\x08\xff\xff", "gzip"),
    "Latin-1": ("user,item\nu,a\nJosé,a\n".encode("latin-1"), "line 3: column 4 .* looks like latin-1"),
    "NUL": ("user,item\nu,a\nu\0,a\n", "line 3: there is a NUL byte"),
    "long row": ("user,item\nu,a,3\n", "line 2: it has 3 fields, and 2 fields are expected"),
    "short row after a quoted line break": ('user,item\nu,"a\nb"\nu\n', "line 4: it has 1 field,"),
    "unclosed quote": ('user,item\nu,a\nu,"b\nu,c\n', "line 3: a quote that opens here never closes"),
    "text after a quote": ('user,item\nu,"b"c\n', "line 2: a quoted field is not closed well"),
    "endless field": (
        f'user,item,note\nu,a,{"a" * (1 << 24)}\n',
        "line 2: it has 16,777,216 characters or more",
    ),
    "column twice": ("user,item,user\n1,2,3\n", 'line 1: column "user" stands there twice'),
    "wrong separator": ("user^item\nu^a\n", '1 field a line between commas, and 2 between the separator'),
    "missing column": ("usr,item\nu,a\n", 'no column for user. Columns found: "usr", "item".*--map user=usr'),
    "no near column": ("x1,item\nu,a\n", "Say which column it is with --map user=COLUMN"),
    "empty user": ("user,item\nu,a\n,a\n", "line 3: the user is empty"),
    "empty item": ("user,item\nu,\n", "line 2: the item is empty"),
    "rating text": (SOUND + "u,a,good,1\n", 'line 3: the rating "good" is not a number'),
    "rating inf": (SOUND + "u,a,inf,1\n", 'line 3: the rating "inf"'),
    "rating with underscore": (SOUND + "u,a,1_0,1\n", 'line 3: the rating "1_0"'),
    "rating overflow": (SOUND + "u,a,1e999,1\n", 'line 3: the rating "1e999"'),
    "timestamp text": (SOUND + "u,a,1,now\n", 'line 3: the timestamp "now"'),
    "timestamp empty": (SOUND + "u,a,1,\n", 'line 3: the timestamp ""'),
    "timestamp too large": (SOUND + f"u,a,1,{10**30}\n", "line 3: the timestamp"),
    "mixed units": (
        "user,item,timestamp\nu,a,1600000000\nu,a,1600000000000\n",
        "line 3: .*milliseconds, while line 2 has 1600000000",
    ),
    "escape in a value": (SOUND + "u,a,\x1b]52;x,1\n", 'the rating "]52;x" is not'),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_gives_one_located_sentence_and_leaves_nothing(case, write, target):
    content, message = BAD_FILES[case]
    with pytest.raises(UserError, match=message) as caught:
        import_dataset(write("r.csv", content), target, ImportOptions())
    assert "\n" not in str(caught.value)
    assert "r.csv" in str(caught.value)
    assert list(target.parent.iterdir()) == []


BAD_ITEMS = {
    "no items": ("item,title\n", "names its columns and has no items"),
    "no title column": ("item,year\na,1\n", "no column for title"),
    "key twice": ("item,title\na,A\nb,B\na,C\n", 'i.csv, line 4: item "a" stands in line 2 already'),
    "key empty": ("item,title\n,A\n", r"line 2: the item's key \(item\) is empty"),
    "endless title": (
        f"item,title\na,{'x' * 2_001}\n",
        "line 2: the title has 2,001 characters, 2,000 at most",
    ),
    "other items": ("item,title\nz,Z\n", r'None of the 1 interactions.*no "a" \(line 2\).*--map'),
}


@pytest.mark.parametrize("case", BAD_ITEMS)
def test_a_bad_items_file_is_refused(case, write, target):
    content, message = BAD_ITEMS[case]
    with pytest.raises(UserError, match=message):
        import_dataset(write("r.csv", SOUND), target, ImportOptions(items=write("i.csv", content)))
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ImportOptions(format="parquett"), 'The format "parquett" is not known'),
        (ImportOptions(format="movielens"), "r.csv is a file"),
        (ImportOptions(items=Path("/nowhere/i.csv")), "no file or folder /nowhere/i.csv"),
        (ImportOptions(mapping={"usr": "user"}), 'no field "usr" to map. The fields are user, item'),
        (ImportOptions(mapping={"key": "item"}), "field key .* --items FILE"),
        (ImportOptions(mapping={"user": "usr"}), 'no column "usr" for user.*--map user=user'),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message, write, target):
    with pytest.raises(UserError, match=message):
        import_dataset(write("r.csv", SOUND), target, options)


def test_paths_that_do_not_fit_are_refused(write, target):
    folder = write("r.csv", SOUND).parent
    for source, options, message in (
        (folder / "none.csv", ImportOptions(), "no file or folder"),
        (folder, ImportOptions(format="movielens"), "not a MovieLens folder: it needs ratings.csv"),
        (folder, ImportOptions(format="csv"), "source is a folder"),
        (Path("x" * 5_000), ImportOptions(), "Cannot open"),
    ):
        with pytest.raises(UserError, match=message):
            import_dataset(source, target, options)
    write("ratings.csv", SOUND)
    write("movies.csv", "item,title\na,A\n")
    with pytest.raises(UserError, match="brings its own items"):
        import_dataset(folder, target, ImportOptions(items=folder / "movies.csv"))


def test_a_dataset_file_is_never_replaced(films, write):
    imported, target = films
    with pytest.raises(FileExistsError):
        import_dataset(write("r.csv", SOUND), target, ImportOptions())
    assert sha256_file(target) == imported.sha256


def test_a_place_that_cannot_be_written_is_said(write, tmp_path):
    with pytest.raises(UserError, match="Cannot write"):
        import_dataset(write("r.csv", SOUND), tmp_path / "missing" / "d.sqlite", ImportOptions())


def test_progress_tells_phases_and_never_passes_the_total(write, target):
    heard = []
    rows = "user,item,rating,timestamp\n" + "".join(f"u{n % 50},i{n % 7},1,{n}\n" for n in range(20_000))
    items = write("i.csv", "item,title\n" + "".join(f"i{n},t{n}\n" for n in range(7)))
    import_dataset(write("r.csv", rows), target, ImportOptions(items=items), lambda *step: heard.append(step))
    assert list(dict.fromkeys(phase for phase, _, _ in heard)) == [
        "reading items",
        "reading interactions",
        "sorting",
        "writing",
    ]
    assert all(0 <= done <= total for _, done, total in heard)
    assert len([step for step in heard if step[0] == "reading interactions"]) > 3
    assert heard[-1] == ("writing", 20_000, 20_000)


@pytest.mark.parametrize("phase", ["reading items", "reading interactions", "writing"])
@pytest.mark.parametrize("interrupt", [lambda: signal.raise_signal(signal.SIGINT), lambda: 1 / 0])
def test_an_import_cancelled_in_any_phase_leaves_nothing(phase, interrupt, write, target):
    def cancel(now, done, total):
        if now == phase:
            interrupt()

    options = ImportOptions(items=write("i.csv", "item,title\na,A\n"))
    with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
        import_dataset(write("r.csv", SOUND), target, options, cancel)
    assert list(target.parent.iterdir()) == []


# A key of nothing but spaces is refused.
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).filter(
    str.strip
)
rating = st.none() | st.floats(-10, 10)
rows = st.lists(st.tuples(text, text, rating, st.integers(-(2**40), 10**10)), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_every_row_comes_back_in_order(rows):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "r.csv", Path(folder) / "d.sqlite"
        with open(source, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(["user", "item", "rating", "timestamp"])
            writer.writerows(
                [user, item, "" if value is None else repr(value), when] for user, item, value, when in rows
            )
        import_dataset(source, target, ImportOptions())
        users = list(dict.fromkeys(row[0] for row in rows))
        expected = sorted(rows, key=lambda row: (users.index(row[0]), row[3]))
        interactions = [(row.user, row.item_key, row.rating, row.timestamp) for row in read(target)]
        assert interactions == [tuple(row) for row in expected]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text(',;\t"\n\r7aé', max_size=40).map(str.encode))
def test_any_bytes_are_imported_or_refused_with_a_sentence(tail):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "r.csv", Path(folder) / "d.sqlite"
        source.write_bytes(b"user,item\n" + tail)
        try:
            imported = import_dataset(source, target, ImportOptions())
        except UserError:
            assert [path.name for path in Path(folder).iterdir()] == ["r.csv"]
        else:
            assert imported.interactions == len(read(target))


@pytest.mark.skipif(
    not MOVIELENS.is_dir(), reason="needs the MovieLens files in ../shared/data/ml-latest-small"
)
def test_movielens_latest_small_is_whole(target):
    imported = import_dataset(MOVIELENS, target, ImportOptions())
    assert isinstance(imported, Imported)
    assert (imported.users, imported.items, imported.interactions) == (671, 9_125, 100_004)
    assert imported.rejected == 0
    assert any(warning.startswith("127 of 671 users have their last two") for warning in imported.warnings)
    with open_dataset(target) as dataset:
        assert sum(len(items) for _, items in dataset.sequences()) == 100_004
        last = dataset.rows(100_003, 10)
        assert [(row.user, row.position) for row in last] == [("671", dataset.user("671").events - 1)]
        assert dataset.item_by_key("1").title == "Toy Story (1995)"


@pytest.mark.parametrize("text", [",user,item\n0,u1,a\n1,u2,b\n", "user,item,\nu1,a,\nu2,b,\n"])
def test_a_column_without_a_name_is_no_fields(text, tmp_path):
    source = tmp_path / "e.csv"
    source.write_text(text)
    (tmp_path / "datasets").mkdir()
    target = tmp_path / "datasets" / "d.sqlite"
    import_dataset(source, target, ImportOptions())
    with open_dataset(target) as dataset:
        assert [user.key for user in dataset.users()] == ["u1", "u2"]
    assert preview_source(source, ImportOptions(), target.parent).parts[0].mapping["user"] == "user"


def test_a_key_of_blanks_is_empty(tmp_path):
    source = tmp_path / "e.csv"
    source.write_text("user,item\n  ,a\nu1,a\n")
    (tmp_path / "datasets").mkdir()
    with pytest.raises(UserError, match="line 2: the user is empty"):
        import_dataset(source, tmp_path / "datasets" / "d.sqlite", ImportOptions())
    assert preview_source(source, ImportOptions(), tmp_path).problems == (
        "e.csv, line 2: the user is empty.",
    )
