"""The phases of a run as the catalogue follows them."""

from collections.abc import Callable
from typing import Any

from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import PhaseEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.ingest import ingest
from promptrec_tui.store.phases import Rows, end_stretch, follow, phases_of

KEY = {"run_id": "r1", "attempt": 1}


def followed(*events: tuple[float, str, int | None, int | None]) -> dict[str, dict[str, Any]]:
    """The rows by part after events of (time, part, done, total)."""
    rows: Rows = {}
    for seq, (time, part, done, total) in enumerate(events):
        follow(rows, {**KEY, "seq": seq}, PhaseEvent("x", done, total, "", part), time)
    return {part: row for (_, part), row in rows.items()}


def test_a_phase_lasts_until_the_next_one_and_keeps_its_count() -> None:
    rows = followed((10, "check", None, None), (14, "first_step", 0, 3), (19, "first_step", 2, 3))
    assert (rows["check"]["seconds"], rows["check"]["began"]) == (4, None)
    first = rows["first_step"]
    assert [first[name] for name in ("began", "last", "done", "total", "times")] == [14, 19, 2, 3, 1]


def test_turns_are_counted_and_their_seconds_add_up() -> None:
    turns = ((0, "validation"), (5, "training"), (9, "validation"), (12, "training"))
    rows = followed(*((time, part, 1, 9) for time, part in turns))
    assert (rows["validation"]["seconds"], rows["validation"]["times"]) == (8, 2)


def test_a_count_that_begins_anew_is_a_stretch_of_its_own_in_the_same_turn() -> None:
    rows = followed((0, "validation", 0, 25), (50, "validation", 25, 25), (51, "validation", 0, 3))
    row = rows["validation"]
    assert (row["seconds"], row["began"], row["times"], row["total"]) == (51, 51, 1, 3)


def test_a_clock_that_was_set_back_takes_no_seconds_away() -> None:
    assert followed((10, "check", None, None), (5, "result", None, None))["check"]["seconds"] == 0


def test_phases_of_other_versions_are_passed_over() -> None:
    rows: Rows = {}
    follow(rows, {**KEY, "seq": 1}, PhaseEvent("checking", 1, 2), 5.0)
    follow(rows, {**KEY, "seq": 2}, PhaseEvent("dancing", 1, 2, "", "dance"), 6.0)
    end_stretch(rows, 1, 7.0)
    assert rows == {}


def test_the_catalogue_follows_a_phase_over_several_readings(
    home: Home, catalogue: Catalogue, make_run: Callable[..., RunFolder]
) -> None:
    folder = make_run("r1")
    for done in (0, 4):
        with EventLog(folder, 1) as log:
            log.write(PhaseEvent("testing", done, 9, "Users", "tuned_test"))
        ingest(home, catalogue)
    (row,) = phases_of(catalogue, "r1", 1)
    assert (row.part, row.times, row.done, row.total, row.message) == ("tuned_test", 1, 4, 9, "Users")
    assert row.began is not None
    assert row.began < row.last
    assert phases_of(catalogue, "r1", 2) == []
