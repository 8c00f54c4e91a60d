"""Bad sources, one by one: each gives one clear sentence, or keeps every value as it is; nothing is left."""

import json
import stat
import zipfile
from pathlib import Path

import duckdb
import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.errors import UserError

ROWS = "user,item\nu,a\nv,b\n"


def refused(source: Path, target: Path, message: str, options: ImportOptions | None = None) -> None:
    """The import says so in one sentence on one line, and writes nothing."""
    with pytest.raises(UserError, match=message) as caught:
        import_dataset(source, target, options or ImportOptions())
    assert "\n" not in str(caught.value)
    assert list(target.parent.iterdir()) == []


def keys(source: Path, target: Path, options: ImportOptions | None = None) -> list[tuple[str, str]]:
    """(user, item) of all rows after the import."""
    import_dataset(source, target, options or ImportOptions())
    with open_dataset(target) as dataset:
        return [(row.user, row.item_key) for row in dataset.rows(0, 1_000)]


def make_zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def make_parquet(path: Path, columns: str) -> Path:
    duckdb.sql(f"COPY (SELECT {columns} FROM range(2)) TO '{path}' (FORMAT parquet)")
    return path


def test_1_an_empty_file(write, target):
    refused(write("r.csv", ""), target, r"r.csv is empty \(0 bytes\)")


def test_2_a_header_only(write, target):
    refused(write("r.csv", "user,item\n"), target, r"has no rows \(0\)")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "gb18030"])
def test_3_another_encoding_is_named_and_read_when_told(encoding, write, target):
    text = {"utf-16": "u,é", "latin-1": "u,José", "gb18030": "u,红楼梦"}[encoding]
    source = write("r.csv", f"user,item\n{text}\n".encode(encoding))
    refused(source, target, f"line 1|line 2.*choose the encoding {encoding}")
    assert keys(source, target, ImportOptions(encoding=encoding)) == [tuple(text.split(","))]


def test_3_a_byte_that_does_not_fit_names_line_and_column(write, target):
    refused(write("r.csv", b"user,item\nu,a\nu,b\xffc\n"), target, "line 3: column 4 has the byte 0xff")
    broken = "user,item\nu,影\n".encode("gb18030") + b"u,\xff\n"
    options = ImportOptions(encoding="gb18030")
    refused(write("g.csv", broken), target, "line 3: column 3 has the byte 0xff", options)
    cut = "user,item\nu,a\n".encode("utf-16") + b"\x00"
    refused(
        write("h.csv", cut), target, "line 3: column 1 has the byte 0x00", ImportOptions(encoding="utf-16")
    )


def test_3_an_encoding_that_is_not_known(write, target):
    refused(write("r.csv", ROWS), target, "Encodings: utf-8, utf-16", ImportOptions(encoding="koi8"))


def test_4_a_byte_order_mark_is_accepted_and_said(write, target):
    imported = import_dataset(write("r.csv", "\ufeff" + ROWS), target, ImportOptions())
    assert any("byte order mark" in warning for warning in imported.warnings)


def test_5_a_nul_byte(write, target):
    refused(write("r.csv", "user,item\nu\0,a\n"), target, "line 2: there is a NUL byte")


def test_6_ragged_rows(write, target):
    refused(
        write("r.csv", "user,item\nu,a,x\n"), target, "line 2: it has 3 fields, and 2 fields are expected"
    )


def test_7_an_unclosed_quote(write, target):
    refused(write("r.csv", 'user,item\n"u,a\nv,b\n'), target, "line 2: a quote that opens here never closes")


def test_8_duplicate_headers(write, target):
    refused(write("r.csv", "user,item,user\nu,a,b\n"), target, 'column "user" stands there twice')


def test_9_a_wrong_delimiter(write, target):
    refused(write("r.csv", "user^item\nu^a\n"), target, r"say --separator \"\^\"")


@pytest.mark.parametrize("key", ["007", "NA", "null", "9007199254740993", "1.0", " a ", "1e5", "True", "-0"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_10_to_12_keys_stay_as_they_are_written(key, suffix, write, target):
    content = (
        f"user,item\n{key},{key}\n" if suffix == "csv" else json.dumps({"user": key, "item": key}) + "\n"
    )
    assert keys(write(f"r.{suffix}", content), target) == [(key, key)]


def test_12_a_large_number_of_json_stays_as_it_is_written(write, target):
    content = '{"user": 9007199254740993, "item": 1.50}\n'
    assert keys(write("r.jsonl", content), target) == [("9007199254740993", "1.50")]


def test_13_a_missing_column_lists_those_found_and_the_nearest(write, target):
    refused(write("r.csv", "usr,item\nu,a\n"), target, 'Columns found: "usr", "item".*--map user=usr')


@pytest.mark.parametrize("rating", ["good", "inf", "nan", "1e999"])
def test_14_bad_ratings_are_counted_and_the_first_named(rating, write, target):
    rows = "u,a,5\n" + f"u,a,{rating}\n" * 25
    message = f'line 3: the rating "{rating}" is not a number, and so it is in 24 more \\(line 4, 5,.* …\\)'
    refused(write("r.csv", f"user,item,rating\n{rows}"), target, message)


def test_15_mixed_time_units_are_counted(write, target):
    rows = "u,a,1600000000\nu,b,1600000000000\nu,c,1600000000001\n"
    message = "line 4: .*looks like milliseconds, while line 2 has 1600000000; 2 look so"
    refused(write("r.csv", f"user,item,timestamp\n{rows}"), target, message)


@pytest.mark.parametrize(("moment", "said"), [("-5", "before 1970"), ("9999999999", "after the year 2100")])
def test_15_odd_times_are_said(moment, said, write, target):
    source = write("r.csv", f"user,item,timestamp\nu,a,{moment}\n")
    assert any(said in warning for warning in import_dataset(source, target, ImportOptions()).warnings)


def test_16_duplicates_are_counted_and_kept(write, target):
    source = write("r.csv", "user,item,timestamp\nu,a,1\nu,a,1\n")
    imported = import_dataset(source, target, ImportOptions())
    assert imported.interactions == 2
    assert any(warning.startswith("1 interactions repeat") for warning in imported.warnings)


def test_17_unknown_items_are_counted_with_examples(write, target):
    options = ImportOptions(items=write("i.csv", "item,title\na,A\n"))
    imported = import_dataset(write("r.csv", ROWS), target, options)
    assert imported.rejected == 1
    assert (
        '1 interactions name items that are not in the items file and were left out: "b" (line 3)'
        in (imported.warnings[0])
    )


@pytest.mark.parametrize(
    ("title", "said"),
    [("t" * 3_000, "title has 3,000 characters, 2,000 at most"), ("t" * 10**6, "title has 1,000,000")],
)
def test_18_a_title_beyond_the_limit(title, said, write, target):
    options = ImportOptions(items=write("i.csv", f"item,title\na,{title}\n"))
    refused(write("r.csv", ROWS), target, f"line 2: .*{said}", options)


def test_18_an_empty_title_is_counted(write, target):
    options = ImportOptions(items=write("i.csv", "item,title\na,\nb,B\n"))
    warnings = import_dataset(write("r.csv", ROWS), target, options).warnings
    assert any(warning.startswith("1 items have no title") for warning in warnings)


TITLES = ["\x1b[31mx", "\x9b2J", "\u202eabc", "a\u200bb", "[/]", "[red]", "{{ x }}", "</s>", "<|im_start|>",
          "=cmd()"]  # fmt: skip


@pytest.mark.parametrize("title", TITLES)
def test_19_to_21_titles_are_kept_as_they_are(title, write, target):
    options = ImportOptions(items=write("i.csv", f"item,title\na,{title}\nb,B\n"))
    import_dataset(write("r.csv", ROWS), target, options)
    with open_dataset(target) as dataset:
        assert dataset.items()[0].title == title


JSON_LINES = {
    "22 not JSON": ('{"user": "u", "item": "a"}\n{"user": u}\n', "line 2: it is not JSON: .* at column 10"),
    "22 a line cut off": ('{"user": "u", "item": "a"}\n{"user": "u"', "line 2: it is not JSON: .* at column"),
    "23 an array in a line": ('[1, 2]\n', "record 1: it is not an object"),
    "23 a number in a line": ('{"user": "u", "item": "a"}\n3\n', "line 2: it is not an object"),
    "24 nesting": ('{"user": ' + "[" * 10**5 + "]" * 10**5 + "}\n", "line 1: it is nested too deeply"),
    "24 a long line": ('{"user": "' + "x" * (1 << 24), "line 1: it has 16,777,216 characters or more"),
    "25 a name twice": ('{"user": "u", "item": "a", "user": "v"}\n', 'line 1: the name "user" stands'),
    "25 NaN": ('{"user": "u", "item": "a", "rating": NaN}\n', "line 1: NaN is no JSON value"),
    "25 infinity": ('{"user": "u", "item": "a", "rating": -Infinity}\n', "line 1: -Infinity is no JSON"),
    "25 half a pair": ('{"user": "\\ud800", "item": "a"}\n', "line 1: it names half of a surrogate pair"),
    "25 NUL": ('{"user": "\\u0000", "item": "a"}\n', "line 1: it names the NUL character"),
    "no objects": ("\n\n", "r.jsonl holds no objects"),
    "an empty user": ('{"user": null, "item": "a"}\n', "line 1: the user is empty"),
}  # fmt: skip


@pytest.mark.parametrize("case", JSON_LINES)
def test_22_to_25_json_lines(case, write, target):
    content, message = JSON_LINES[case]
    refused(write("r.jsonl", content), target, message, ImportOptions(format="jsonl"))


def test_26_parquet_that_is_none_or_not_whole(write, target, tmp_path):
    whole = make_parquet(tmp_path / "whole.parquet", "'u' AS user, 'a' AS item").read_bytes()
    refused(write("a.parquet", b""), target, r"a.parquet is empty \(0 bytes\)")
    refused(write("b.parquet", b"user,item\nu,a\n"), target, "not a Parquet file")
    refused(write("c.parquet", whole[:-20]), target, "no Parquet footer: an incomplete copy")
    refused(write("d.parquet", whole[:4] + b"\xff" * 40 + whole[-8:]), target, "d.parquet is damaged")


def test_27_a_corrupt_page_names_its_row_group(write, target, tmp_path):
    duckdb.sql(
        "COPY (SELECT md5(range::VARCHAR) AS user, md5((range+7)::VARCHAR) AS item FROM range(6000)) "
        f"TO '{tmp_path / 'w.parquet'}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 2048)"
    )
    data = bytearray((tmp_path / "w.parquet").read_bytes())
    data[60:5_000] = b"\xff" * 4_940
    message = r"r.parquet is damaged near row group 0 \(rows 1 to 2,048\)"
    refused(write("r.parquet", bytes(data)), target, message)


def test_28_parquet_types(tmp_path, target):
    source = make_parquet(
        tmp_path / "r.parquet",
        "'u' AS user, 9007199254740993 AS item, 1.50::DECIMAL(9, 2) AS rating, "
        "TIMESTAMP '2020-01-01 00:00:01' AS timestamp, [1] AS tags",
    )
    imported = import_dataset(source, target, ImportOptions())
    assert any('"tags" has the type INTEGER[]' in warning for warning in imported.warnings)
    with open_dataset(target) as dataset:
        row = dataset.rows(0, 1)[0]
    assert (row.item_key, row.rating, row.timestamp) == ("9007199254740993", 1.5, 1_577_836_801)


def test_28_a_nested_column_cannot_be_a_field(tmp_path, target):
    source = make_parquet(tmp_path / "r.parquet", "['u'] AS user, 'a' AS item")
    refused(source, target, 'no column for user. Columns found: "item"')


@pytest.mark.parametrize(
    "name", ["../../x.csv", "/etc/x.csv", "a/../../x.csv", "..\\x.csv", "C:/x.csv", "./x"]
)
def test_29_names_that_lead_out(name, tmp_path, target):
    source = tmp_path / "z.zip"
    with zipfile.ZipFile(source, "w") as file:
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        file.writestr(info, ROWS)
    refused(source, target, "z.zip is refused: its entry .* leads out of the folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_30_links_and_devices(kind, tmp_path, target):
    source = tmp_path / "z.zip"
    with zipfile.ZipFile(source, "w") as file:
        info = zipfile.ZipInfo("r.csv")
        info.external_attr = (kind | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    refused(source, target, 'its entry "r.csv" is a link or a device')


def test_31_bombs_and_archives_in_archives(tmp_path, target):
    bomb = make_zip(tmp_path / "bomb.zip", {"r.csv": b"0" * (8 << 20)})
    refused(bomb, target, r'its entry "r.csv" unpacks to [0-9,]+ times its size, 200 at most')
    refused(make_zip(tmp_path / "nest.zip", {"in.zip": b"x"}), target, "is an archive itself")
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as file:
        for number in range(100_001):
            file.writestr(zipfile.ZipInfo(f"{number}"), b"")
    refused(tmp_path / "many.zip", target, "it has 100,001 entries, 100,000 at most")


def test_32_encrypted_truncated_and_damaged(tmp_path, target):
    data = make_zip(tmp_path / "z.zip", {"r.csv": ROWS.encode()}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[:-30])
    refused(tmp_path / "cut.zip", target, "cut.zip is damaged or incomplete: it has no list of entries")
    broken = bytearray(data)
    broken[data.index(b"PK\x01\x02") + 16] ^= 0xFF  # the sum in the list, and in the file's own head
    broken[14] ^= 0xFF
    (tmp_path / "sum.zip").write_bytes(broken)
    refused(tmp_path / "sum.zip", target, "sum.zip is damaged or incomplete: Bad CRC-32")
    locked = bytearray(data)
    locked[6] |= 1
    locked[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    refused(tmp_path / "locked.zip", target, 'its entry "r.csv" is encrypted')


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("r.csv", "r.csv"), ("r.csv", "R.CSV"), ("é.csv", "e\u0301.csv")])
def test_33_names_that_collide(names, tmp_path, target):
    source = tmp_path / "z.zip"
    with zipfile.ZipFile(source, "w") as file:
        for name in names:
            file.writestr(name, ROWS)
    refused(source, target, "z.zip is refused: its entries .* have one name")


def test_a_zip_of_any_source_is_read(tmp_path, target):
    source = make_zip(tmp_path / "z.zip", {"ml/r.csv": ROWS.encode(), "__MACOSX/._r.csv": b"x"})
    assert keys(source, target) == [("u", "a"), ("v", "b")]


def test_a_reader_that_crashes_is_one_sentence(tmp_path, target, monkeypatch):
    source = make_parquet(tmp_path / "r.parquet", "'u' AS user, 'a' AS item")
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'promptrec_tui.datasets.parquet' in sys.orig_argv: os.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    refused(source, target, "r.parquet made its reader end with SIGABRT. It is probably damaged")


def test_the_old_dataset_stays_when_an_import_fails(write, target):
    import_dataset(write("r.csv", ROWS), target, ImportOptions())
    before = target.read_bytes()
    with pytest.raises(UserError):
        import_dataset(write("bad.csv", "user,item\nu\n"), target.with_name("d2.sqlite"), ImportOptions())
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert target.read_bytes() == before


FOREIGN = {
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "looks like an old workbook of Excel"),
    "a.pkl": (b"\x80\x04\x95\x10\0\0\0\0\0\0\0}", "looks like a pickle of Python"),
    "a.npy": (b"\x93NUMPY\x01\0v\0{'descr'", "looks like an array of NumPy"),
    "a.db": (b"SQLite format 3\0" + b"\0" * 100, "looks like an SQLite database"),
    "page.csv": (b"<!DOCTYPE html><html><body>404</body></html>\n", "looks like a web page"),
    "lfs.csv": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a pointer of Git LFS"),
    "le.csv": ("user,item\nu,é\n".encode("utf-16-le"), "choose the encoding utf-16-le"),
    "be.csv": ("user,item\nu,é\n".encode("utf-16-be"), "choose the encoding utf-16-be"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_files_of_other_kinds_are_called_what_they_are(name, tmp_path):
    content, message = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "datasets").mkdir()
    refused(tmp_path / name, tmp_path / "datasets" / "d1.sqlite", message)


def test_a_workbook_is_no_archive_of_data(tmp_path):
    (tmp_path / "datasets").mkdir()
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as file:
        file.writestr("[Content_Types].xml", "<x/>")
        file.writestr("xl/workbook.xml", "<x/>")
    refused(tmp_path / "b.xlsx", tmp_path / "datasets" / "d1.sqlite", "is an Office document")
