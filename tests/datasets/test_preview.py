"""A preview says what the import then does: rows left out, dates, titles, names of splits."""

import pytest

from promptrec_tui.datasets.dialects import Dialect
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.preview import preview_source
from promptrec_tui.errors import UserError


@pytest.fixture
def look(tmp_path):
    (tmp_path / "datasets").mkdir()

    def look(text, name="e.csv", dialect=None, **options):
        path = tmp_path / name
        path.write_text(text)
        chosen = ImportOptions(dialect=dialect or Dialect(), **options)
        seen = preview_source(path, chosen, tmp_path)
        (tmp_path / "datasets" / "d.sqlite").unlink(missing_ok=True)
        try:
            return seen, import_dataset(path, tmp_path / "datasets" / "d.sqlite", chosen)
        except UserError as error:
            return seen, str(error)

    return look


def test_rows_that_are_left_out_are_no_problem(look):
    seen, read = look("user,item,rating\nu,a,5\n,b,4\nv,b,x\n", dialect=Dialect(skip_bad=True))
    assert (seen.problems, read.rejected) == ((), 2)
    assert "2 of the first 3 rows of e.csv would be left out." in seen.notes


def test_dates_of_which_nothing_tells_the_order_are_asked_about(look):
    text = "user,item,time\nu,a,11/10/2019 9:05:50 AM\nu,b,11/11/2019 9:05:50 AM\n"
    seen, said = look(text)
    assert seen.problems == (said,)
    assert "--dates day-first" in said
    assert not look(text, dialect=Dialect(dates="day-first"))[0].problems


def test_a_long_file_may_tell_the_order_of_its_dates_later(look):
    rows = [f"u{n % 9},i{n % 7},01/0{1 + n % 9}/2019" for n in range(1_200)]
    seen, read = look("\n".join(["user,item,time", *rows, "u,i,01/31/2019", ""]))
    assert (seen.problems, read.interactions) == ((), 1_201)
    assert any("nothing tells the day from the month" in note for note in seen.notes)


def test_the_title_of_a_review_is_no_title_of_an_item(look):
    text = "user,item,title\n" + "".join(f"u{n % 3},i{n % 2},Review {n}\n" for n in range(8))
    seen, read = look(text)
    assert "title" not in seen.parts[0].mapping
    (note,) = [note for note in seen.notes if "title" in note]
    assert note in read.warnings
    assert look(text, mapping={"title": "title"})[0].parts[0].mapping["title"] == "title"


SPLITS = "text,label,split\na,x,Train\nb,y,Holdout\n"


@pytest.mark.parametrize("name", ["Holdout", "HOLDOUT", " holdout"])
def test_the_name_of_a_split_counts_whatever_its_letter_case(look, name):
    seen, read = look(SPLITS, splits={name: "test"})
    assert (seen.problems, read.examples) == ((), 2)


def test_a_meaning_that_is_no_split_is_told_by_the_preview_too(look):
    seen, said = look(SPLITS, splits={"Holdout": "most"})
    assert seen.problems == (said,)
    assert '"most" is no split' in said


def test_names_of_splits_that_nothing_has_are_refused(look):
    _, said = look(SPLITS, splits={"holdout": "test", "heldout": "test"})
    assert said == 'No split is named "heldout": correct or leave out --map-split.'
    seen, said = look("user,item\nu,a\n", splits={"holdout": "test"})
    assert seen.problems == (said,)
    assert "Leave out --map-split." in said
