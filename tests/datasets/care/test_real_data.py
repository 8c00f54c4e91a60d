"""The known traps of public data are found by themselves. The data lie beside the project, if at all."""

from pathlib import Path

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.lints import lint_dataset
from promptrec_tui.datasets.policies import summarise_splits

DATA = Path(__file__).parents[4] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the public data are not in {DATA}")


@pytest.fixture
def look(target):
    """Imports a source; answers its lints and its splits by name."""

    def imported(name: str):
        import_dataset(DATA / name, target, ImportOptions())
        with open_dataset(target) as dataset:
            lints = lint_dataset(dataset, lambda phase, done, total: None)
            return {lint.lint: lint for lint in lints}, {
                split.policy: split for split in summarise_splits(dataset)
            }

    return imported


def test_a_fifth_of_the_movielens_users_have_a_tied_target(look):
    lints, splits = look("ml-latest-small")
    assert lints["tied_targets"].severity == "serious"
    assert round(lints["tied_targets"].share, 2) == 0.19
    assert splits["leave_one_out"].test == 671
    assert splits["leave_one_out"].tied >= lints["tied_targets"].share
    assert any(example.startswith("Hamlet (2000)") for example in lints["duplicate_titles"].examples)


def test_the_test_rows_of_tallrec_come_from_sixteen_users(look):
    lints, splits = look("tallrec-movie")
    assert "1,000 rows of test come from 16 users" in lints["few_users"].finding
    assert (splits["given"].training, splits["given"].test) == (8000, 1000)


def test_the_phrasebank_has_copies_broken_characters_and_a_frequent_label(look):
    lints, _ = look("financial-phrasebank/Sentences_AllAgree.txt")
    assert lints["duplicate_texts"].count == 5
    assert lints["broken_texts"].count > 0
    assert "neutral" in lints["unbalanced_labels"].finding


def test_banking77_asks_in_the_test_what_was_taught(look):
    lints, _ = look("banking77")
    assert (lints["texts_across_splits"].severity, lints["texts_across_splits"].count) == ("serious", 7)
    assert "unbalanced_labels" in lints
