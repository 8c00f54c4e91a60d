"""Dates as whole columns write them."""

from datetime import UTC, datetime

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.dialects import Dialect
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.values import can_be_moment, check_order, parse_moments
from promptrec_tui.errors import UserError


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2019-10-01 00:00:00 UTC", at(2019, 10, 1)),
        ("2019-10-01T02:00:00+02:00", at(2019, 10, 1)),
        ("2019-10-01T00:00:00Z", at(2019, 10, 1)),
        ("2019/10/01 12:30", at(2019, 10, 1, 12, 30)),
        ("01 5, 2014", at(2014, 1, 5)),
        ("12 31, 2014", at(2014, 12, 31)),
        ("11/20/2019 9:05:50 AM", at(2019, 11, 20, 9, 5, 50)),
        ("11/20/2019 12:05 AM", at(2019, 11, 20, 0, 5)),
        ("20/11/2019 23:05", at(2019, 11, 20, 23, 5)),
        ("20.11.2019", at(2019, 11, 20)),
        ("01.02.2019", at(2019, 2, 1)),
        ("20-11-19", at(2019, 11, 20)),
        ("Oct 1, 2019", at(2019, 10, 1)),
        ("1-Oct-2019", at(2019, 10, 1)),
        ("Tue Oct 01 00:00:05 +0000 2019", at(2019, 10, 1, 0, 0, 5)),
        ("Tue, 01 Oct 2019 00:00:05 GMT", at(2019, 10, 1, 0, 0, 5)),
        ("2019年10月1日", at(2019, 10, 1)),
        ("2019-10-01 00:00:00.5 UTC", at(2019, 10, 1) + 0.5),
        ("1569888000", 1569888000),
    ],
)
def test_dates_of_many_sources(text, value):
    assert parse_moments([text])[0] == {text: value}
    assert can_be_moment(text)


@pytest.mark.parametrize("text", ["yesterday", "13/13/2019", "32.01.2019", "11/20/2019 13:05 PM", "5", ""])
def test_what_is_no_date_is_left_out(text):
    moments, _ = parse_moments([text], "month-first")
    assert moments in ({}, {text: 5})


def test_the_column_tells_the_day_from_the_month():
    moments, notes = parse_moments(["11/10/2019", "10/25/2019"])
    assert moments["11/10/2019"] == at(2019, 11, 10)
    assert 'Dates such as "11/10/2019" were read as month/day/year.' in notes
    assert parse_moments(["11/10/2019", "25/10/2019"])[0]["11/10/2019"] == at(2019, 10, 11)
    with pytest.raises(UserError, match=r"nothing tells the day from the month: say --dates day-first"):
        parse_moments(["11/10/2019", "09/08/2019"])
    assert parse_moments(["11/10/2019"], "day-first")[0]["11/10/2019"] == at(2019, 10, 11)
    with pytest.raises(UserError, match="--dates 'us' is not known"):
        check_order("us")


@pytest.fixture
def imported(tmp_path):
    (tmp_path / "datasets").mkdir()

    def run(header, moments, **options):
        source, target = tmp_path / "e.csv", tmp_path / "datasets" / "d.sqlite"
        rows = [f"u{n % 2},i{n},{moment}" for n, moment in enumerate(moments)]
        source.write_text("\n".join([header, *rows]) + "\n")
        target.unlink(missing_ok=True)
        read = import_dataset(source, target, ImportOptions(**options))
        with open_dataset(target) as dataset:
            times = {f"i{row.item_key[1:]}": row.timestamp for row in dataset.rows(0, 1000)}
        return [times[f"i{n}"] for n in range(len(moments))], " ".join(read.warnings)

    return run


@pytest.mark.parametrize(
    ("moments", "expected", "shape"),
    [
        (["20220421", "20191231"], [at(2022, 4, 21), at(2019, 12, 31)], "YYYYMMDD"),
        (["20220421153000", "20191231000000"], [at(2022, 4, 21, 15, 30), at(2019, 12, 31)], "YYYYMMDDhhmmss"),
    ],
)
def test_numbers_that_are_dates_are_read_as_dates(imported, moments, expected, shape):
    times, said = imported("user,item,timestamp", moments)
    assert times == expected
    assert f"are dates written {shape}" in said


def test_numbers_of_which_some_are_no_dates_are_seconds(imported):
    times, said = imported("user,item,timestamp", ["20220421", "20229999"])
    assert times == [20220421, 20229999]
    assert "YYYYMMDD" not in said


@pytest.mark.parametrize("early", [["-428720400000", "86400000"], ["0"], ["5000000000", "1569888000"]])
def test_early_and_negative_milliseconds_are_milliseconds(imported, early):
    moments = [*early, "1569888000000", "1569888000001"]
    times, said = imported("user,item,timestamp", moments)
    assert times == [int(moment) for moment in moments]
    assert "look like milliseconds" in said
    assert ("timestamps are 0, which often means unknown" in said) is ("0" in early)


def test_the_finer_column_orders_a_history(imported):
    rows = [f"20220421,165049{9 - n}000000" for n in range(4)]
    times, said = imported("user,item,date,time_ms", rows)
    assert times == [int(row.split(",")[1]) for row in rows]
    assert 'read from "time_ms", not from "date": --map timestamp=COLUMN' in said
    times, _ = imported("user,item,date,time_ms", rows, mapping={"timestamp": "date"})
    assert set(times) == {at(2022, 4, 21)}


@pytest.mark.parametrize("name", ["event_time", "created_at", "reviewTime", "InvoiceDate", "datetime"])
def test_usual_names_of_moments_are_known(imported, name):
    times, said = imported(f"user,item,{name}", ["2019-10-01 00:00:00 UTC", "2019-10-02 00:00:00 UTC"])
    assert times == [at(2019, 10, 1), at(2019, 10, 2)]
    assert "without a time zone were read as UTC" in said


def test_the_order_of_day_and_month_is_asked_about(imported):
    with pytest.raises(UserError, match="--dates day-first or --dates month-first"):
        imported("user,item,date", ["11/10/2019 9:05:50 AM", "12/10/2019 9:05:50 AM"])
    times, _ = imported(
        "user,item,date",
        ["11/10/2019 9:05:50 AM", "12/10/2019 9:05:50 AM"],
        dialect=Dialect(dates="month-first"),
    )
    assert times == [at(2019, 11, 10, 9, 5, 50), at(2019, 12, 10, 9, 5, 50)]


@pytest.mark.parametrize("unknown", ["0", "-1", "0.0"])
@pytest.mark.parametrize("end", ["", ".0"])
def test_unknown_moments_and_gaps_do_not_hide_that_numbers_are_dates(imported, unknown, end):
    times, said = imported("user,item,timestamp", [f"20220421{end}", unknown, f"20191231{end}"])
    assert times == [at(2022, 4, 21), int(float(unknown)), at(2019, 12, 31)]
    assert "are dates written YYYYMMDD" in said


def test_a_number_that_is_no_date_among_dates_is_named(imported):
    moments = ["20220421"] * 20 + ["20220431"]
    with pytest.raises(UserError, match='line 22: the timestamp "20220431" is not a date written YYYYMMDD'):
        imported("user,item,timestamp", moments)


@pytest.mark.parametrize(("digits", "unit"), [(3, "milliseconds"), (6, "microseconds"), (9, "nanoseconds")])
def test_the_unit_is_called_by_its_name(imported, digits, unit):
    _, said = imported("user,item,timestamp", ["1569888000" + "0" * digits, "0", "-1"])
    assert f"look like {unit};" in said


def test_an_offset_may_stand_apart(imported):
    moments = ["2019-10-01 02:00:00.000 +0200", "2019/10/01 00:00:00 +0000", "2019-10-01 00:00:00 +00"]
    assert set(imported("user,item,timestamp", moments)[0]) == {at(2019, 10, 1)}


@pytest.mark.parametrize("name", ["event_time", "ts_ms", "when"])
def test_the_finer_column_is_known_by_what_it_holds(imported, name):
    rows = [f"20220421,165049{9 - n}000000" for n in range(4)]
    times, said = imported(f"user,item,timestamp,{name}", rows)
    assert times == [int(row.split(",")[1]) for row in rows]
    assert f'read from "{name}", not from "timestamp"' in said


@pytest.mark.parametrize(
    ("header", "rows", "taken"),
    [
        ("timestamp,released", ["1569888001,1569888002", "1569888003,1569888005"], 0),  # seconds already
        ("date,phone", ["2022-04-21,1650499200123", "2022-04-22,1710499200123"], 0),  # other days
        ("timestamp,step", ["1,1569888000", "2,1569888001"], 0),  # steps order as well
        ("timestamp,date", [",2022-04-21", "2022-04-22,2022-04-21"], 0),  # a gap does not change the column
        ("time,date", ["09:05:50,2022-04-21", "09:05:51,2022-04-22"], 1),
    ],
)
def test_another_column_is_taken_only_where_it_is_finer(imported, header, rows, taken):
    if rows[0].startswith(","):
        with pytest.raises(UserError, match='line 2: the timestamp "" is not'):
            imported(f"user,item,{header}", rows)
        return
    times, _ = imported(f"user,item,{header}", rows)
    expected = parse_moments([row.split(",")[taken] for row in rows])[0]
    assert times == list(expected.values())


@pytest.mark.parametrize("zone", ["Z", "+02:00", " +0200", ".5-05:00"])
def test_nothing_is_said_of_utc_where_every_moment_has_its_zone(zone):
    assert parse_moments([f"2019-10-01 00:00:0{n}{zone}" for n in range(3)])[1] == ()
    assert parse_moments([f"2019-10-01 00:00:00{zone}", "2019-10-01"])[1]


def test_milliseconds_in_another_column_order_what_seconds_do_not(imported):
    rows = [f"{1_500_000_000 + n // 3},{(1_500_000_000 + n // 3) * 1000 + 900 - n * 7}" for n in range(9)]
    times, said = imported("user,item,timestamp,ts_ms", rows)
    assert sorted(times) == sorted(int(row.split(",")[1]) for row in rows)
    assert 'read from "ts_ms", not from "timestamp": --map timestamp=COLUMN' in said
