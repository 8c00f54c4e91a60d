"""Sources in every format: what is detected and why, and what is read."""

import json
import zipfile
from pathlib import Path

import duckdb
import pytest

from promptrec_tui.datasets import delimited
from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.detection import detect
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.preview import preview_source
from promptrec_tui.errors import UserError

SHARED = Path(__file__).parents[3] / "shared" / "data"
INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\t007\t4.5\t20\nu\tb\t3\t10\n"
ITEM = 'item_id:token\tmovie_title:token_seq\n007\t"Dr. No\nb\tHeat\n'
SENTENCES = "Sales rose @ 5 %.@positive\nSales fell.@negative\nNothing new.@negative\nWell@positive\n"


def examples(target):
    with open_dataset(target) as dataset:
        return [(example.fields, example.label, example.split) for example in dataset.examples()]


@pytest.mark.parametrize(
    ("name", "content", "format", "why"),
    [
        ("r.csv", "user,item\nu,a\n", "csv", "names between commas"),
        ("r.tsv", "user\titem\nu\ta\n", "csv", "names between tabs"),
        ("r.inter", INTER, "recbole", "typed names such as user_id:token"),
        ("r.txt", INTER, "recbole", "typed names"),
        ("r.jsonl", '{"user": "u", "item": "a"}\n', "jsonl", "JSON objects, one after another"),
        ("r.json", '[{"instruction": "i", "input": "", "output": "o"}]', "instruction", "an instruction"),
        ("r.jsonl", '{"instruction": "i", "output": "o"}\n', "instruction", "an instruction and an output"),
        ("r.json", '{"train": [{"text": "t", "label": "l"}]}', "labelled", '"text", "label"'),
        ("r.csv", "text,category\nt,c\n", "labelled", 'columns "text", "category"'),
        ("r.txt", SENTENCES, "labelled", "end with @ and one of a few labels"),
        ("r.bin", b"PAR1....PAR1", "parquet", "Parquet"),
    ],
)
def test_a_file_says_what_it_is_and_why(name, content, format, why, write):
    guess = detect(write(name, content))
    assert guess.format == format
    assert why in guess.why


def test_a_folder_of_nothing_known_lists_what_it_holds(write):
    folder = write("a.csv", "user,item\nu,a\n").parent
    write("b.csv", "user,item\nu,a\n")
    with pytest.raises(UserError, match=r"not a folder of a known layout.*holds a.csv, b.csv"):
        detect(folder)


def test_the_only_data_file_of_a_folder_is_read(write, target):
    folder = write("a.csv", "user,item\nu,a\n").parent
    write("README.txt", "about")
    imported = import_dataset(folder, target, ImportOptions())
    assert imported.interactions == 1
    assert imported.warnings[0] == "Of source these were not read: README.txt."


@pytest.mark.parametrize("whole", [True, False])
def test_recbole_files_bring_their_items(whole, write, target):
    inter = write("ml.inter", INTER)
    write("ml.item", ITEM)
    write("ml.user", "user_id:token\tage:float\tjob:token\nu\t30\tnurse\nidle\t4\tchild\n")
    imported = import_dataset(inter.parent if whole else inter, target, ImportOptions())
    assert imported.format == "recbole"
    assert "1 users of the users' file have no event and are left out." in imported.warnings
    with open_dataset(target) as dataset:
        assert dataset.user("u").attributes == {"age": "30", "job": "nurse"}
        assert dataset.profiles() == [user.attributes for user in dataset.users()]
        rows = [(row.item_key, row.title, row.rating, row.timestamp) for row in dataset.rows(0, 9)]
    assert rows == [("b", "Heat", 3.0, 10), ("007", '"Dr. No', 4.5, 20)]


@pytest.mark.parametrize(
    ("users", "says"),
    [
        ("user_id:token\tage:float\nu\t3\n\t4\n", r"line 3: the user's key \(user_id\) is empty"),
        ("user_id:token\tage:float\nu\t3\nu\t4\n", r'line 3: user "u" stands in line 2 already'),
        (f"user_id:token\n{'u' * 1001}\n", "line 2: the key has 1,001 characters"),
        ("age:float\n3\n", "no column for user"),
        ("user_id\nu\n", "none of the types"),
    ],
)
def test_a_file_of_users_that_is_not_sound_is_refused(users, says, write, target):
    source = write("ml.inter", INTER)
    write("ml.user", users)
    with pytest.raises(UserError, match=says):
        import_dataset(source, target, ImportOptions())
    assert not list(target.parent.iterdir())


def test_a_recbole_name_without_a_type_is_refused(write, target):
    source = write("ml.inter", "user_id:token\titem_id\nu\ta\n")
    with pytest.raises(UserError, match='line 1: the name "item_id" has none of the types'):
        import_dataset(source, target, ImportOptions())


def test_movielens_100k_reads_genres_and_latin_1(write, target):
    write("u.data", "196\t1\t3\t881250949\n196\t2\t4\t881250950\n")
    flags = ["0"] * 19
    flags[1] = flags[5] = "1"
    films = f"1|Misérables, Les (1995)|01-Jan-1995||http://x|{'|'.join(flags)}\n"
    folder = write("u.item", (films + films.replace("1|", "2|", 1)).encode("latin-1")).parent
    imported = import_dataset(folder, target, ImportOptions())
    assert imported.format == "movielens"
    assert any("Latin-1" in warning for warning in imported.warnings)
    with open_dataset(target) as dataset:
        item = dataset.items()[0]
    assert item.title == "Misérables, Les (1995)"
    assert item.attributes["genres"] == "Action|Comedy"
    assert item.attributes["release_date"] == "01-Jan-1995"


def test_the_25m_layout_brings_more_files_that_are_left_alone(write, target):
    write("ratings.csv", "userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n")
    write("tags.csv", "userId,movieId,tag,timestamp\n1,296,x,1147880044\n")
    folder = write("movies.csv", "movieId,title,genres\n296,Pulp Fiction (1994),Crime\n").parent
    assert import_dataset(folder, target, ImportOptions()).interactions == 1


def test_instructions_keep_their_fields_and_splits(write, target):
    row = {"instruction": "Say.", "input": "x", "output": "Yes.", "id": 7}
    folder = write("train.json", json.dumps([row])).parent
    write("test.json", json.dumps([{**row, "output": "No."}]))
    imported = import_dataset(folder, target, ImportOptions())
    assert (imported.format, imported.examples, imported.interactions) == ("instruction", 2, 0)
    fields = {"instruction": "Say.", "input": "x", "id": "7"}
    assert examples(target) == [(fields, "Yes.", "train"), (fields, "No.", "test")]


def test_labelled_texts_keep_what_is_before_the_last_mark(write, target):
    import_dataset(write("s.txt", SENTENCES), target, ImportOptions())
    assert examples(target)[0] == ({"text": "Sales rose @ 5 %."}, "positive", None)


def test_json_with_splits(write, target):
    content = json.dumps({"train": [{"text": "a", "label": 1}], "test": [{"text": "b", "label": 0}]})
    import_dataset(write("s.json", content), target, ImportOptions())
    assert examples(target) == [({"text": "a"}, "1", "train"), ({"text": "b"}, "0", "test")]


def test_a_column_of_splits(write, target):
    source = write("s.csv", "tweet,mood,fold\na,1,train\nb,0,test\n")
    mapping = {"text": "tweet", "label": "mood", "split": "fold"}
    import_dataset(source, target, ImportOptions("labelled", mapping=mapping))
    assert examples(target) == [({"text": "a"}, "1", "train"), ({"text": "b"}, "0", "test")]


def test_bad_examples_are_located(write, target):
    for name, content, message in (
        ("s.csv", "text,label\na,1\n,0\n", "s.csv, line 3: the text is empty"),
        ("s.csv", "text,label\na,\n", "s.csv, line 2: the label is empty"),
        ("s.csv", "text,label\n", r"has no rows \(0\)"),
        ("s.txt", SENTENCES + "no mark\n", 's.txt, line 5: "no mark" does not end with @ and a label'),
        ("s.json", '[{"instruction": "i", "output": "o"}, 3]', "s.json, record 2: it is not an object"),
    ):
        format = "labelled" if "mark" in message else "auto"
        with pytest.raises(UserError, match=message):
            import_dataset(write(name, content), target, ImportOptions(format))
        assert list(target.parent.iterdir()) == []


def test_items_may_come_in_another_format(write, target, tmp_path):
    duckdb.sql(f"COPY (SELECT 'a' AS item, 'Heat' AS title) TO '{tmp_path / 'i.parquet'}' (FORMAT parquet)")
    options = ImportOptions(items=tmp_path / "i.parquet")
    import_dataset(write("r.jsonl", '{"user": "u", "item": "a"}\n'), target, options)
    with open_dataset(target) as dataset:
        assert dataset.items()[0].title == "Heat"


@pytest.mark.parametrize(
    "ending", ["", "u,b,1,x\n", "u,b\n", 'u,"b",1,1\n', "u,b,1,1\r\n", "\nu,b,1,1\n", "u,\xff"]
)
def test_the_bulk_reader_says_what_the_strict_reader_says(ending, write, target, monkeypatch):
    rows = "".join(f"u{n % 7},{n % 5:03d},{n % 10 / 2},{100 - n}\n" for n in range(90))
    source = write("r.csv", b"user,item,rating,timestamp\n" + rows.encode() + ending.encode("latin-1"))
    said = []
    for least in (0, 10**9):
        monkeypatch.setattr(delimited, "BULK_BYTES", least)
        try:
            said.append(import_dataset(source, target, ImportOptions()))
        except UserError as error:
            said.append(str(error))
        target.unlink(missing_ok=True)
    assert said[0] == said[1]


def test_a_preview_shows_columns_rows_and_problems_and_leaves_nothing(write, target):
    write("ml.item", ITEM)
    seen = preview_source(write("ml.inter", INTER), ImportOptions(), target.parent)
    assert (seen.format, seen.problems) == ("recbole", ())
    assert [part.content for part in seen.parts] == ["interactions", "items"]
    assert seen.parts[0].mapping["user"] == "user_id"
    assert seen.parts[0].rows[0] == ("u", "007", "4.5", "20")
    bad = preview_source(write("r.csv", "user,item,rating\nu,a,good\n"), ImportOptions(), target.parent)
    assert bad.problems == ('r.csv, line 2: the rating "good" cannot be read.',)
    lost = preview_source(write("r.csv", "who,item\nu,a\n"), ImportOptions(), target.parent)
    assert "no column for user" in lost.problems[0]
    assert lost.parts[0].rows == (("u", "a"),)
    assert "no file" in preview_source(Path("/nowhere"), ImportOptions(), target.parent).problems[0]
    assert list(target.parent.iterdir()) == []


def test_leftovers_of_a_killed_import_go_with_the_next_one(write, target):
    left = target.parent / ".staging-left"
    left.mkdir()
    (left / "lock").touch()
    import_dataset(write("r.csv", "user,item\nu,a\n"), target, ImportOptions())
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize(
    ("folder", "format", "count"),
    [
        ("tallrec-movie", "instruction", 10_000),
        ("financial-phrasebank", "labelled", 2_264),
        ("banking77", "labelled", 13_083),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_published_texts_import_by_themselves(folder, format, count, zipped, tmp_path, target):
    source = SHARED / folder
    if not source.is_dir():
        pytest.skip(f"needs {folder} in ../shared/data")
    if zipped:
        source = tmp_path / "z.zip"
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as file:
            for path in (SHARED / folder).iterdir():
                file.write(path, f"{folder}/{path.name}")
    imported = import_dataset(source, target, ImportOptions())
    assert (imported.format, imported.examples) == (format, count)
    assert all(text for _, text, _ in examples(target))
