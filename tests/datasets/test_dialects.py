"""The form of delimited files: separators, quotes, names, encodings, and rows that are not sound."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.delimited import read_delimited
from promptrec_tui.datasets.dialects import Dialect, looks_like_data
from promptrec_tui.datasets.encodings import check_encoding, likely_encoding
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.preview import preview_source
from promptrec_tui.datasets.separators import likely_separator
from promptrec_tui.datasets.values import decimal_commas
from promptrec_tui.errors import UserError

SKIP = Dialect(skip_bad=True)


@pytest.fixture
def write(tmp_path):
    def write(name, content, encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def target(tmp_path):
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets" / "d.sqlite"


@pytest.mark.parametrize(
    ("line", "expected"),
    [("a,b", ","), ("a\tb;c", "\t"), ("a;b;c,d", ";"), ("a|b", "|"), ("a::b::c", "::"), ("a", ",")],
)
def test_the_separator_is_the_one_with_most_fields(line, expected):
    assert likely_separator([line]) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["u0", "i0", "1500000000"], True),
        (["1", "2268318", "2520377", "pv", "1511544070"], True),
        (["A2SUAM1J3GNN3B", "0000013714", "5.0", "1400457600"], True),
        (["x", "2014-05-01"], True),
        (["u0", "i0", "4,5"], True),
        (["alice", "matrix"], False),
        (["column 1", "v2"], False),
    ],
)
def test_names_that_look_like_data(names, expected):
    assert looks_like_data(names, known=False) is expected
    assert looks_like_data(names, known=True) is False


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
def test_a_file_without_names_keeps_its_first_event(separator, write, target):
    rows = [separator.join((f"u{n % 3}", f"i{n}", str(1_500_000_000 + n))) for n in range(9)]
    source = write("e.txt", "\n".join(rows) + "\n")
    options = ImportOptions(
        format="csv",
        mapping={"user": "1", "item": "2", "timestamp": "3"},
        dialect=Dialect(header=False),
    )
    assert import_dataset(source, target, options).interactions == 9
    seen = preview_source(source, options, target.parent)
    assert seen.problems == ()
    assert seen.parts[0].rows[0] == ("u0", "i0", "1500000000")


def test_names_that_look_like_data_can_be_said_to_be_names(write, target):
    source = write("e.csv", "7,8\nu,a\n")
    mapping = {"user": "7", "item": "8"}
    with pytest.raises(UserError, match="--header"):
        import_dataset(source, target, ImportOptions(mapping=mapping))
    options = ImportOptions(mapping=mapping, dialect=Dialect(header=True))
    assert import_dataset(source, target, options).interactions == 1


def test_the_items_keep_their_line_of_names(write, target):
    source = write("e.csv", "u0,i0,1500000000\n")
    numbers = {"user": "1", "item": "2"}
    options = ImportOptions(
        mapping=numbers, items=write("i.csv", "item_id,title\ni0,A\n"), dialect=Dialect(header=False)
    )
    import_dataset(source, target, options)
    with open_dataset(target) as dataset:
        assert [item.title for item in dataset.items()] == ["A"]


FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n\t"), min_size=1)


@given(st.lists(st.lists(FIELDS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_without_quoting_every_text_stays_as_it_is(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("plain") / "i.tsv"
    lines = ["\t".join(row) for row in [["item", "title"], *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    table = read_delimited(path, dialect=Dialect(quoting="none"))
    assert [fields for _, fields in table.rows()] == rows


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_quotes_that_enclose_fields_are_still_read(separator, write):
    rows = [["item", "title"], ["1", "a line\nand one more"], ["2", 'a ""b""'], ["3", f"x{separator}y"]]
    text = "\n".join(separator.join(f'"{field}"' for field in row) for row in rows) + "\n"
    table = read_delimited(write("i.txt", text))
    assert [fields[1] for _, fields in table.rows()] == ["a line\nand one more", 'a "b"', f"x{separator}y"]


def test_rows_that_a_quote_may_have_swallowed_are_told(write, target):
    source = write("e.csv", 'user,item,title\nu,a,"Live\nu,b,B\nu,c,C"\nu,d,D\n')
    warnings = import_dataset(source, target, ImportOptions()).warnings
    assert any(
        "hold line ends and separators as whole rows do, the first in line 2" in said for said in warnings
    )


def test_a_separator_line_counts_no_row(write, target):
    read = import_dataset(write("e.csv", "sep=;\n\nuser;item\nu;a\n"), target, ImportOptions())
    assert read.interactions == 1
    with open_dataset(target) as dataset:
        assert dataset.events().line.tolist() == [4]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["4,5", "3", "-0,25"], {"4,5": 4.5, "-0,25": -0.25}),
        (["4,5", "3.5"], {}),
        (["1,000"], {}),
        (["4,5", "good"], {}),
        (["3"], {}),
    ],
)
def test_decimal_commas_are_of_a_whole_column(texts, expected):
    assert decimal_commas(texts) == expected


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("utf8", "utf-8"), ("UTF-8-SIG", "utf-8"), ("ascii", "utf-8"), ("latin1", "latin-1"),
        ("ISO-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("cp1252", "cp1252"), ("gbk", "gb18030"),
        ("GB2312", "gb18030"), ("big5", "big5"), ("Shift-JIS", "shift_jis"), ("utf16", "utf-16"),
        ("euc-kr", "euc-kr"),
    ],
)  # fmt: skip
def test_encodings_are_known_by_their_usual_names(name, known, write, target):
    assert check_encoding(name) == known
    text = "user,item\nu,ab\n"
    codec = "utf-16" if known == "utf-16" else known
    assert import_dataset(write("e.csv", text, codec), target, ImportOptions(encoding=name)).interactions == 1


@pytest.mark.parametrize("name", ["koi99", "", "rot13", "zip", "idna", "\0"])
def test_codecs_that_are_no_encodings_of_files_are_refused(name):
    with pytest.raises(UserError, match=r"is not known\. Encodings: utf-8"):
        check_encoding(name)


@pytest.mark.parametrize(
    ("text", "codec", "likely"),
    [
        ("it’s “here” – 5 €", "cp1252", "cp1252"),
        ("café naïve Ärger", "latin-1", "latin-1"),
        ("黑客帝国与花样年华", "gb18030", "gb18030"),
        ("x", "utf-16", "utf-16"),
    ],
)
def test_the_encoding_is_suggested_by_evidence(text, codec, likely):
    assert likely_encoding(text.encode(codec)) == likely


def test_rows_that_are_not_sound_are_counted_and_left_out_on_request(write, target):
    rows = ["u,a,4,1", "v,b,4,1,9", ",a,4,1", "u,b,bad,1", "w,a,5,late", "u,c,3,2", f"u,{'k' * 1001},3,2"]
    source = write("e.csv", "user,item,rating,timestamp\n" + "\n".join(rows) + "\n")
    with pytest.raises(UserError, match=r"line 3: it has 5 fields, .* --skip-bad"):
        import_dataset(source, target, ImportOptions())
    read = import_dataset(source, target, ImportOptions(dialect=SKIP))
    assert (read.interactions, read.rejected) == (2, 4)
    said = " ".join(read.warnings)
    for words in ("1 rows have another number of fields", "the user is empty", 'the rating "bad"', '"late"'):
        assert words in said
    with open_dataset(target) as dataset:
        assert sorted(dataset.events().line.tolist()) == [2, 7]


def test_texts_that_are_empty_are_left_out_on_request(write, target):
    source = write("t.csv", "text,label\na,x\n,x\nb,\nc,y\n")
    options = ImportOptions(format="labelled")
    with pytest.raises(
        UserError, match=r"line 3: the text is empty.*--skip-bad.*1 more row is invalid \(line 4\)"
    ):
        import_dataset(source, target, options)
    read = import_dataset(source, target, ImportOptions(format="labelled", dialect=SKIP))
    assert (read.examples, read.rejected) == (2, 2)
    assert "2 rows of t.csv left out as invalid (line 3, 4)" in " ".join(read.warnings)


def test_a_table_with_a_million_columns_is_a_sentence(write, target):
    source = write("m.csv", ",".join(f"c{n}" for n in range(1_000_000)) + "\n")
    with pytest.raises(UserError, match="it has 1,000,000 columns, 10,000 at most"):
        import_dataset(source, target, ImportOptions())


def test_an_endless_line_is_a_sentence(write, target):
    rows = "".join(f"u{n},a\n" for n in range(1_200_000))
    source = write("l.csv", "user,item\n" + rows + "v," + "x" * (20 << 20) + "\n")
    with pytest.raises(UserError, match="line 1200002: it has 16,777,216 characters or more"):
        import_dataset(source, target, ImportOptions())


def test_a_pipe_is_no_file(tmp_path, target):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", "/dev/zero"):
        with pytest.raises(UserError, match="is not a regular file"):
            import_dataset(type(tmp_path)(path), target, ImportOptions())
