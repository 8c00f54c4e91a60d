"""JSON in the shapes in which people have it: arrays, objects by key, pairs, splits."""

import json

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.dialects import Dialect
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.preview import preview_source
from promptrec_tui.datasets.splits import check_splits, split_of
from promptrec_tui.errors import UserError

EVENTS = [{"user": f"u{n % 3}", "item": f"i{n % 4}", "timestamp": 1_500_000_000 + n} for n in range(12)]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "datasets").mkdir()

    def run(source, **options):
        if not hasattr(source, "exists"):
            path = tmp_path / "s.json"
            path.write_text(source if isinstance(source, str) else json.dumps(source))
            source = path
        target = tmp_path / "datasets" / "d.sqlite"
        target.unlink(missing_ok=True)
        read = import_dataset(source, target, ImportOptions(**options))
        with open_dataset(target) as dataset:
            return read, [(example.split, example.label) for example in dataset.examples()]

    return run


@pytest.mark.parametrize(
    "text", [json.dumps(EVENTS), json.dumps(EVENTS, indent=1), json.dumps({"data": EVENTS})]
)
def test_events_in_one_json_value_are_read(run, text):
    assert run(text, format="jsonl")[0].interactions == 12
    assert run(text)[0].interactions == 12


def test_pairs_of_text_and_label_by_split_are_read(run):
    # The shape of CLINC150: texts that no intent fits stand apart.
    clinc = {
        "oos_train": [["what now", "oos"]],
        "val": [["how are you", "greeting"]],
        "train": [["hi", "greeting"], ["bye", "goodbye"]],
        "test": [["hello", "greeting"]],
        "oos_test": [["qua", "oos"]],
    }
    read, examples = run(clinc, format="labelled")
    assert read.examples == 6
    assert sorted(examples) == sorted(
        [
            *(("train", "greeting"), ("train", "goodbye"), ("train", "oos"), ("valid", "greeting")),
            *(("test", "greeting"), ("test", "oos")),
        ]
    )
    assert run([["hi", "greeting"], ["bye", "goodbye"]], format="labelled")[1] == [
        (None, "greeting"),
        (None, "goodbye"),
    ]


@pytest.mark.parametrize("value", [{}, [], {"a": 1}])
def test_json_without_records_is_refused_by_what_it_is(run, value):
    with pytest.raises(UserError, match=r"s\.json (is JSON|has|names|holds)") as caught:
        run(value)
    assert "is not JSON" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(("Train", "train"), ("TRAIN", "train"), ("training", "train"), ("val", "valid"), ("dev", "valid")),
        *(("Validation", "valid"), ("eval", "valid"), (" Test ", "test"), ("oos_train", "train")),
        *(("holdout", None), ("", None), ("train2", None)),
    ],
)
def test_the_usual_names_of_splits(name, split):
    assert split_of(name) == split


def test_unknown_names_of_splits_are_asked_about(run, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label,split\na,x,Train\nb,x,holdout\nc,y,holdout\nd,y,extra\ne,y,\n")
    with pytest.raises(
        UserError, match=r'"holdout" \(2 rows\), "extra" \(1 row\).*--map-split holdout=train'
    ):
        run(path, format="labelled")
    splits = {"holdout": "test", "extra": "dev"}
    _, examples = run(path, format="labelled", splits=splits)
    assert [split for split, _ in examples] == ["train", "test", "test", "valid", None]
    with pytest.raises(UserError, match='"most" is no split'):
        check_splits({"extra": "most"})


def test_files_of_a_folder_that_are_not_read_are_named(run, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("train", "val", "test", "oos_train", "oos_val"):
        (folder / f"{name}.csv").write_text("text,label\na,x\n")
    read, examples = run(folder)
    assert len(examples) == 3
    assert "Of texts these were not read: oos_train.csv, oos_val.csv." in read.warnings


TEXTS = [{"text": "hi there", "label": "x"}, {"text": "oh no", "label": "y"}]
TASKS = [{"instruction": "a", "input": "", "output": "b"}]
SHAPES = {
    "array": lambda rows: rows,
    "by key": lambda rows: {str(number): row for number, row in enumerate(rows)},
    "wrapped": lambda rows: {"version": "1.0", "data": rows},
    "columns of pandas": lambda rows: {
        name: {str(number): row[name] for number, row in enumerate(rows)} for name in rows[0]
    },
    "columns": lambda rows: {name: [row[name] for row in rows] for name in rows[0]},
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rows", "format"), [(EVENTS, "jsonl"), (TEXTS, "labelled"), (TASKS, "instruction")])
def test_every_shape_is_known_without_being_told(run, rows, format, shape, indent):
    read, _ = run(json.dumps(SHAPES[shape](rows), indent=indent))
    assert (read.format, read.interactions + read.examples) == (format, len(rows))
    assert ('Of s.json these parts were not read: "version".' in read.warnings) is (shape == "wrapped")


@pytest.mark.parametrize("indent", [None, 2])
def test_clinc150_is_known_without_being_told(run, indent):
    pairs = {"oos_val": [["q", "oos"]], "train": [["a b", "x"], ["c", "y"]], "test": [["t", "x"]]}
    read, examples = run(json.dumps(pairs, indent=indent))
    assert read.format == "labelled"
    assert examples == [("valid", "oos"), ("train", "x"), ("train", "y"), ("test", "x")]


def test_pairs_that_may_be_texts_or_interactions_are_asked_about(run):
    with pytest.raises(UserError, match="--format labelled; if they are interactions, say --format jsonl"):
        run([["u1", "i1"], ["u1", "i2"]])
    assert run([["hi there", "x"], ["oh no", "y"]])[0].format == "labelled"
    options = {"format": "jsonl", "mapping": {"user": "text", "item": "label"}}
    assert run([["u1", "i1"], ["u1", "i2"]], **options)[0].interactions == 2


@pytest.mark.parametrize(
    "items",
    [
        {f"i{n}": f"Film {n}" for n in range(4)},
        [[f"i{n}", f"Film {n}"] for n in range(4)],
        {"count": 4, "items": [{"item_id": f"i{n}", "title": f"Film {n}"} for n in range(4)]},
        {"item_id": [f"i{n}" for n in range(4)], "title": [f"Film {n}" for n in range(4)]},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_titles_by_key_pairs_and_wrapped_items_are_read(run, tmp_path, items, indent):
    path = tmp_path / "i.json"
    path.write_text(json.dumps(items, indent=indent))
    assert run(EVENTS, items=path)[0].items == 4
    with open_dataset(tmp_path / "datasets" / "d.sqlite") as dataset:
        assert [item.title for item in dataset.items()] == [f"Film {n}" for n in range(4)]


def test_one_line_may_be_the_whole_of_a_large_file(run):
    rows = [{**row, "note": "x" * 2_000_000} for row in EVENTS]
    assert run(rows)[0].interactions == len(EVENTS)


def test_arrays_one_after_another_are_called_so_and_names_are_cut(run):
    with pytest.raises(UserError, match="holds several JSON values, the second from line 2, column 1"):
        run("\n".join(json.dumps(list(row.values())) for row in EVENTS))
    with pytest.raises(UserError) as caught:
        run([{f"c{n}": n for n in range(3_000)}], format="jsonl")
    assert "and 2,980 more" in str(caught.value)
    assert len(str(caught.value)) < 500


LAYOUTS = {
    "pretty": lambda rows: "\n".join(json.dumps(row, indent=2) for row in rows),
    "not indented": lambda rows: "\n".join(json.dumps(row, indent=0) for row in rows),
    "with tabs and blank lines": lambda rows: "\r\n\r\n".join(json.dumps(row, indent="\t") for row in rows),
    "without line ends": lambda rows: "".join(map(json.dumps, rows)),
    "two a line": lambda rows: json.dumps(rows[0]) + " " + "\n".join(map(json.dumps, rows[1:])),
    "with separators": lambda rows: "".join(f"\x1e{json.dumps(row)}\n" for row in rows),
    "marked": lambda rows: "\ufeff" + "\n".join(json.dumps(row, indent=2) for row in rows),
}


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_objects_one_after_another_are_read_however_they_are_laid_out(layout, suffix, tmp_path):
    events = [{**row, "tags": ["}", {"deep": "{ \\"}], "n": {}} for row in EVENTS]
    texts = [{"text": f"t {n}", "label": "ab"[n % 2]} for n in range(4)]
    (tmp_path / "datasets").mkdir()
    for rows, format in ((events, "jsonl"), (texts, "labelled")):
        path = tmp_path / f"{format}.{suffix}"
        path.write_text(LAYOUTS[layout](rows), encoding="utf-8", newline="")
        seen = preview_source(path, ImportOptions(), tmp_path)
        read = import_dataset(path, tmp_path / "datasets" / f"{format}.sqlite", ImportOptions())
        assert (seen.format, seen.problems) == (read.format, ()) == (format, ())
        assert read.interactions + read.examples == len(rows)


GOOD = '{"user": "u", "item": "i"}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{GOOD}\n{{\n "user": "u",\n "item":: 1\n}}\n', "line 4: it is not JSON: expecting value at col"),
        (f'{GOOD}\n{{"user": "u",}}\n', "line 2: it is not JSON: a comma stands before a closing"),
        (f"[{GOOD},\n]", "line 1: it is not JSON: a comma stands before a closing bracket at column 28"),
        (f"{GOOD},\n{GOOD}\n", "line 1: it is not JSON: a comma follows the object at column 27"),
        (f'{GOOD}\n{{"user": NaN}}', "line 2: NaN is no JSON value at column 10"),
        (f'[{GOOD},\n {{"a": "NaN", "b": -Infinity}}]', "line 2: -Infinity is no JSON value at column 20"),
        (f'{GOOD}\n{{"a": 1, "b": {{"a": 1}}, "a": 2}}', '2: the name "a" stands in one object twice at co'),
        ("{'user': 'u', 'item': 'i'}\n", "single quotes stand where JSON has double ones"),
        (f"[ // films\n{GOOD}]", "line 1: it is not JSON: a comment stands there"),
        ('{"user": "u", "item": None}', "Python's None, True and False are null, true and false"),
        (f'{GOOD}\n{{"user": "u", "item": "i', "line 2: it is not JSON: it ends within a value"),
        (f'{GOOD}\n{{"user": "u", "item": 1\n{GOOD}\n{GOOD}', "line 2: it is not JSON: it ends within a"),
        ('"hello"', 'begins with ""hello"", and JSON with records begins with { or ['),
        ("42", 'begins with "42"'),
        (f"// films\n{GOOD}\n", 'begins with "// films"'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_json_is_told_with_line_and_column(text, said, tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text(text)
    (tmp_path / "datasets").mkdir()
    with pytest.raises(UserError) as caught:
        import_dataset(path, tmp_path / "datasets" / "d.sqlite", ImportOptions())
    assert said in str(caught.value)
    assert preview_source(path, ImportOptions(), tmp_path).problems == (str(caught.value),)


def test_lines_that_are_no_json_can_be_left_out(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text(
        f'{GOOD}\n{{"user": "u", "item": "i"\n{GOOD}\n{{bad}}\n{{\n"user": "v",\n"item": "j"\n}}\n'
    )
    (tmp_path / "datasets").mkdir()
    options = ImportOptions(dialect=Dialect(skip_bad=True))
    read = import_dataset(path, tmp_path / "datasets" / "d.sqlite", options)
    assert (read.interactions, read.users) == (3, 2)
    assert "e.jsonl: 2 rows left out as no JSON (line 2, 4)." in read.warnings


def test_many_objects_on_one_line_take_no_time_of_their_own(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("".join(f'{{"user": "u{n % 99}", "item": "i{n % 7}"}}' for n in range(30_000)))
    (tmp_path / "datasets").mkdir()
    assert import_dataset(path, tmp_path / "datasets" / "d.sqlite", ImportOptions()).interactions == 30_000


def test_a_preview_asks_about_unknown_names_of_splits_and_names_unread_files(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label,split\na,x,Train\nb,x,holdout\nc,y,holdout\n")
    (problem,) = preview_source(path, ImportOptions(), tmp_path).problems
    assert '"holdout" (2 rows)' in problem
    assert "--map-split holdout=train" in problem
    assert not preview_source(path, ImportOptions(splits={"holdout": "test"}), tmp_path).problems
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("train", "test", "oos_test"):
        (folder / f"{name}.csv").write_text("text,label\na,x\n")
    seen = preview_source(folder, ImportOptions(), tmp_path)
    assert seen.notes == ("Of texts these were not read: oos_test.csv.",)
    assert not seen.problems
