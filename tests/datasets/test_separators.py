"""Separators: judged by many lines, told by a person, and named where another one fits."""

import re

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.delimited import read_delimited
from promptrec_tui.datasets.dialects import Dialect
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.preview import preview_source
from promptrec_tui.datasets.separators import JUDGED, check_separator
from promptrec_tui.errors import UserError

ROWS = [(f"u{n % 3}", f"i{n % 4}", str(1_500_000_000 + n)) for n in range(9)]


def text(separator, head=("user", "item", "time"), rows=ROWS):
    return "".join(f"{separator.join(row)}\n" for row in ([head] if head else []) + list(rows))


@pytest.fixture
def run(tmp_path):
    (tmp_path / "datasets").mkdir()

    def run(content, items=None, **dialect):
        """(users, items) of the file's events; the preview must say the same where it is refused."""
        source = tmp_path / "e.csv"
        source.write_text(content, newline="")
        mapping = {"user": "1", "item": "2"} if dialect.get("header") is False else {}
        options = ImportOptions("csv", items, mapping, dialect=Dialect(**dialect))
        seen = preview_source(source, options, tmp_path)
        if seen.problems:
            with pytest.raises(UserError, match=re.escape(seen.problems[0])):
                import_dataset(source, tmp_path / "datasets" / "d.sqlite", options)
        read = import_dataset(source, tmp_path / "datasets" / "d.sqlite", options)
        assert not seen.problems
        assert {note for note in seen.notes if "separator" in note} <= set(read.warnings)
        with open_dataset(tmp_path / "datasets" / "d.sqlite") as dataset:
            rows = dataset.rows(0, 100)
        return {row.user for row in rows}, {row.item_key for row in rows}, read.warnings

    return run


@pytest.mark.parametrize("separator", JUDGED)
def test_the_lines_tell_the_separator(separator, run):
    users, items, _ = run(text(separator))
    assert (users, items) == ({"u0", "u1", "u2"}, {"i0", "i1", "i2", "i3"})


def test_commas_inside_a_name_do_not_hide_semicolons(run):
    head = ("user", "item", "rating (1, 2, 3, 4, 5)")
    assert run(text(";", head))[0] == {"u0", "u1", "u2"}


def test_commas_inside_texts_do_not_hide_tabs(run):
    rows = [(user, item, "Yes, no, maybe, so") for user, item, _ in ROWS]
    assert run(text("\t", None, rows), header=False)[1] == {"i0", "i1", "i2", "i3"}


@pytest.mark.parametrize(
    ("separator", "said"), [(" ", "space"), ("^", '"^"'), (":", '":"'), ("~", '"~"'), ("#", '"#"')]
)
def test_an_unusual_separator_is_named_and_can_be_told(separator, said, run):
    with pytest.raises(UserError, match=re.escape(f"say --separator {said}.")):
        run(text(separator))
    assert run(text(separator), separator=said.strip('"'))[0] == {"u0", "u1", "u2"}


@pytest.mark.parametrize("separator", ["comma", "\t", "bar", "colons"])
def test_a_separator_that_is_told_and_wrong_is_refused(separator, run):
    with pytest.raises(UserError, match=r"3 between semicolons: say --separator semicolon\."):
        run(text(";"), separator=separator)


def test_a_line_of_excel_that_tells_the_wrong_separator_is_refused(run):
    with pytest.raises(UserError, match="say --separator semicolon"):
        run("sep=,\n" + text(";"))
    assert run("sep=,\n" + text(";"), separator="semicolon")[0] == {"u0", "u1", "u2"}


def test_names_and_rows_with_different_separators_are_refused(run):
    with pytest.raises(UserError, match="line 1: it has 3 names between commas, and the lines below it have"):
        run("user,item,time\n" + text(";", None))


def test_lines_above_the_names_are_told(run):
    with pytest.raises(UserError, match="line 1: it is one text, and the lines below it have 3 fields"):
        run("Sales 2019\n\n" + text(","))


def test_rows_with_one_field_more_than_names(run):
    with pytest.raises(UserError, match="as R writes it, put a name for it in front"):
        run("user,item\n1,u1,a\n2,u2,b\n")
    with pytest.raises(UserError, match="as each ends with a separator"):
        run("user,item\nu1,a,\nu2,b,\n", skip_bad=True)


def test_lines_in_quotes_as_a_whole_are_told(run):
    with pytest.raises(UserError, match="each line in quotes as a whole, with 3 fields between semicolons"):
        run("".join(f'"{line}"\n' for line in text(";").splitlines()))


def test_a_name_that_holds_another_separator_is_told(run):
    with pytest.raises(UserError, match='The name "item;title" holds another separator'):
        run("user,item;title\nu,i;a\nv,j;b\n")


def test_what_no_usual_name_tells_is_noted(run):
    content = text(",", None, [(f"{n};a", f"{n};b") for n in range(5)])
    users, _, warnings = run(content, header=False, separator="comma")
    assert users == {f"{n};a" for n in range(5)}
    (note,) = [note for note in warnings if "--separator" in note]
    assert note == (
        "e.csv was read with 2 fields between commas; semicolons would give 3: --separator semicolon "
        "reads it so."
    )


def test_a_space_after_each_separator_is_none_of_the_field(run):
    content = text(", ", rows=[*ROWS, ("u9", '"i, 9"', "1500000009")])
    users, items, warnings = run(content)
    assert (users - {"u9"}, items) == ({"u0", "u1", "u2"}, {"i0", "i1", "i2", "i3", "i, 9"})
    assert "e.csv has a space after each separator, which was left out." in warnings


def test_the_items_may_have_another_separator(run, tmp_path):
    items = tmp_path / "items.csv"
    items.write_text("item,title\n" + "".join(f"i{n},Film {n}\n" for n in range(4)))
    assert run(text("^"), items, separator="^")[0] == {"u0", "u1", "u2"}


def test_items_without_names_go_by_the_numbers_that_were_said(tmp_path):
    """As the news of MIND, among whose topics is one that is called as columns often are."""
    (tmp_path / "datasets").mkdir()
    news, events = tmp_path / "news.tsv", tmp_path / "e.tsv"
    news.write_text('N1\tnews\t"Quoted" title\nN2\tsport\tB\n')
    events.write_text("u1\tN1\nu1\tN2\n")
    mapping = {"user": "1", "item": "2", "key": "1", "title": "3"}
    options = ImportOptions(items=news, mapping=mapping, dialect=Dialect(header=False))
    import_dataset(events, tmp_path / "datasets" / "d.sqlite", options)
    with open_dataset(tmp_path / "datasets" / "d.sqlite") as dataset:
        assert [item.title for item in dataset.items()] == ['"Quoted" title', "B"]


@pytest.mark.parametrize(
    ("separator", "mark"),
    [("auto", ""), ("", ""), ("Tab", "\t"), ("\\t", "\t"), ("colons", "::"), ("^", "^"), ("||", "||")],
)
def test_how_a_separator_is_told(separator, mark):
    assert check_separator(separator) == mark


@pytest.mark.parametrize("separator", ["x", '"', "\n", "tabs", "=========", "1"])
def test_what_is_no_separator(separator):
    with pytest.raises(UserError, match="is no separator: choose among auto, comma, tab"):
        check_separator(separator)


def test_stray_quotes_between_tabs_are_text(tmp_path):
    path = tmp_path / "artists.tsv"
    path.write_text('id\tname\turl\n1\tA\th\n2\t"Weird Al" Y\th\n3\tThe "X\th\n')
    assert [fields[1] for _, fields in read_delimited(path).rows()] == ["A", '"Weird Al" Y', 'The "X']
