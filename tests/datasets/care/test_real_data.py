"""The known traps of public data are found by themselves. The data lie beside the project, if at all."""

import csv
import json
from pathlib import Path

import pytest

from promptrec_tui.datasets.dataset import Example, open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.lints import lint_dataset
from promptrec_tui.datasets.policies import summarise_splits
from promptrec_tui.datasets.text_lints import TEXT_LINTS, Texts

DATA = Path(__file__).parents[4] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the public data are not in {DATA}")


def findings(examples: list[Example]):
    texts = Texts(examples)
    return {lint.__name__: found for lint in TEXT_LINTS if (found := lint(texts))}


def test_a_fifth_of_the_movielens_users_have_a_tied_target(target):
    import_dataset(DATA / "ml-latest-small", target, ImportOptions())
    with open_dataset(target) as dataset:
        found = {lint.lint: lint for lint in lint_dataset(dataset, lambda phase, done, total: None)}
        splits = {split.policy: split for split in summarise_splits(dataset)}
    assert found["tied_targets"].severity == "serious"
    assert round(found["tied_targets"].share, 2) == 0.19
    assert splits["leave_one_out"].test == 671
    assert splits["leave_one_out"].tied >= found["tied_targets"].share
    assert found["duplicate_titles"].count >= 2


def test_the_test_rows_of_tallrec_come_from_sixteen_users():
    examples = [
        Example(number, {"instruction": row["instruction"], "input": row["input"]}, row["output"], split)
        for split in ("train", "valid", "test")
        for number, row in enumerate(json.loads((DATA / "tallrec-movie" / f"{split}.json").read_text()))
    ]
    found = findings(examples)
    assert "1,000 rows of test come from 16 users" in found["few_users"].finding


def test_the_phrasebank_has_copies_broken_characters_and_a_frequent_label():
    lines = (DATA / "financial-phrasebank" / "Sentences_AllAgree.txt").read_text("utf-8").splitlines()
    pairs = [line.rpartition("@") for line in lines]
    found = findings([Example(n, {"text": text}, label, None) for n, (text, _, label) in enumerate(pairs)])
    assert found["duplicate_texts"].count > 0
    assert found["broken_texts"].count > 0
    assert "neutral" in found["unbalanced_labels"].finding


def test_banking77_has_many_labels_of_unlike_size():
    examples = []
    for split in ("train", "test"):
        with open(DATA / "banking77" / f"{split}.csv", newline="", encoding="utf-8") as file:
            examples += [
                Example(n, {"text": row["text"]}, row["category"], split)
                for n, row in enumerate(csv.DictReader(file))
            ]
    assert "unbalanced_labels" in findings(examples)
