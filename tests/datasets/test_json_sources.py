"""JSON in the shapes in which people have it: arrays, objects by key, pairs, splits."""

import json

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.split_names import check_splits, split_of
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
        UserError, match=r'"holdout" \(2 rows\), "extra" \(1 rows\).*--map-split holdout=train'
    ):
        run(path, format="labelled")
    told = {"holdout": "test", "extra": "dev"}
    _, examples = run(path, format="labelled", splits=told)
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
