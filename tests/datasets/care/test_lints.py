"""Each lint finds its fault where it is planted, counts it, and keeps silent where it is not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from promptrec_tui.datasets import event_lints as of_events
from promptrec_tui.datasets import text_lints as of_texts
from promptrec_tui.datasets import title_lints as of_titles
from promptrec_tui.datasets.dataset import Example
from promptrec_tui.datasets.event_lints import EVENT_LINTS, Records
from promptrec_tui.datasets.releases import release_times
from promptrec_tui.datasets.text_lints import TEXT_LINTS, Texts, private_texts
from promptrec_tui.datasets.title_lints import TITLE_LINTS

NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
START = 1_000_000_000
SOUND = {
    "ann": [("i7", START), ("i2", START + 5), ("i9", START + 9), ("i1", START + 12)],
    "bob": [("i1", START + 1), ("i9", START + 2), ("i2", START + 7), ("i7", START + 8)],
}


@pytest.fixture
def records(contents):
    """Records of histories."""

    def make(histories, titles=None):
        made = contents(histories, titles)
        return Records(made.events, made.items, made.users, NOW)

    return make


def texts(*rows: tuple[str, str, str]) -> Texts:
    return Texts([Example(n, {"text": text}, label, split) for n, (text, label, split) in enumerate(rows)])


def test_sound_data_are_left_in_peace(records):
    sound = records(SOUND)
    assert [lint(sound) for lint in EVENT_LINTS] == [None] * len(EVENT_LINTS)
    assert [lint(sound.items) for lint in TITLE_LINTS] == [None] * len(TITLE_LINTS)
    calm = texts(("one", "a", "train"), ("two", "b", "train"), ("three", "a", "test"))
    assert [lint(calm) for lint in TEXT_LINTS] == [None] * len(TEXT_LINTS)


def test_tied_targets_are_users_whose_last_two_events_share_a_moment(records):
    histories = {
        "tied": [("a", 1), ("b", 2), ("c", 2)],
        "earlier tie": [("a", 1), ("b", 1), ("c", 2)],
        "too short": [("a", 1), ("b", 1)],
        "clear": [("a", 1), ("b", 2), ("c", 3)],
    }
    lint = of_events.tied_targets(records(histories))
    assert (lint.count, lint.share) == (1, pytest.approx(1 / 3))
    assert lint.examples == ("user tied: Title c, at 2",)


def test_a_target_in_its_own_history(records):
    histories = {
        "again": [("a", 1), ("b", 2), ("a", 3)],
        "before the target only": [("a", 1), ("a", 2), ("b", 3)],
    }
    lint = of_events.repeated_targets(records(histories))
    assert (lint.count, lint.share) == (1, 0.5)
    assert lint.examples == ("user again: Title a, at 3",)


def test_duplicate_events_count_the_later_ones(records):
    lint = of_events.duplicate_events(records({"u": [("a", 1), ("a", 1), ("a", 1), ("b", 1), ("a", 2)]}))
    assert (lint.count, lint.share) == (2, 0.4)


def test_events_before_the_release_of_their_item(records):
    before, after = (int(datetime(year, 6, 1, tzinfo=UTC).timestamp()) for year in (1998, 2000))
    histories = {"u": [("film", before), ("film", after), ("undated", before)]}
    lint = of_events.future_items(records(histories, {"film": "Matrix, The (1999)", "undated": "Cube"}))
    assert (lint.count, lint.share) == (1, 0.5)


@pytest.mark.parametrize("written", ["1999-03-31", "31-Mar-1999", "1999"])
def test_a_release_date_is_read_from_attributes(records, written):
    made = records({"u": [("a", START)] * 3})
    dated = [replace(item, attributes={"Release Date": written}) for item in made.items]
    year = datetime.fromtimestamp(release_times(dated, NOW)[0], UTC).year
    assert year == 1999


def test_ids_that_follow_time(records):
    rising = {f"u{n}": [(f"i{n + step}", START + step) for step in range(8)] for n in range(3)}
    lint = of_events.ordered_ids(records(rising))
    assert (lint.severity, lint.count, lint.share) == ("serious", 3, 1)
    assert "rank correlation with time 1.00" in lint.finding
    assert (
        of_events.ordered_ids(records({u: [(f"x{k}y", t) for k, t in h] for u, h in rising.items()})) is None
    )


def test_seconds_and_milliseconds_mixed(records):
    mixed = {"u": [("a", START), ("b", (START + 1) * 1000), ("c", (START + 2) * 1000)]}
    lint = of_events.time_units(records(mixed))
    assert (lint.severity, lint.count) == ("serious", 1)
    whole = {"u": [("a", START * 1000), ("b", (START + 1) * 1000)]}
    lint = of_events.time_units(records(whole))
    assert (lint.severity, lint.count) == ("note", 2)
    early = {"u": [("a", -5), ("b", 86_400_000), ("c", START * 1000)]}
    lint = of_events.time_units(records(early))
    assert (lint.severity, lint.count) == ("note", 3)


def test_times_that_cannot_be(records):
    odd = records({"u": [("a", -5), ("b", START), ("c", START), ("d", int(NOW) + 10 * 86400)]})
    assert of_events.early_times(odd).count == 1
    assert of_events.future_times(odd).count == 1


def test_events_without_time_and_users_without_a_target(records):
    untimed = records({"u": [("a", None), ("b", None)]})
    assert of_events.untimed_events(untimed).count == 2
    assert of_events.short_histories(untimed).count == 1
    assert of_events.tied_targets(untimed) is None


def test_titles_shared_and_beginning_one_another(records):
    titles = {"1": "Alien", "2": "Alien", "3": "Alien 3", "4": "Heat", "5": "5", "6": "CinÃ©ma"}
    items = records({"u": [("1", 1)]}, titles).items
    assert of_titles.duplicate_titles(items).count == 2
    assert of_titles.title_prefixes(items).examples == ("Alien | Alien 3",)
    assert of_titles.empty_titles(items).examples == ("item 5, 0 events",)
    assert of_titles.broken_titles(items).examples == ("CinÃ©ma (Ã©)",)


def test_a_title_is_cleaned_where_it_is_shown(records):
    titles = {"1": "bad\x1b]52;c;x\x07", "2": "bad\x1b]52;c;x\x07"}
    example = of_titles.duplicate_titles(records({"u": [("1", 1)]}, titles).items).examples[0]
    assert example.isprintable()


def test_copies_within_a_split_and_across(records):
    copied = texts(
        ("Same  words", "a", "train"), ("same words", "a", "train"), ("x", "b", "train"), ("X ", "a", "test")
    )
    assert of_texts.duplicate_texts(copied).count == 1
    across = of_texts.texts_across_splits(copied)
    assert (across.severity, across.count) == ("serious", 1)
    assert of_texts.contradicting_labels(copied).count == 1


def test_unbalanced_labels_but_not_free_answers():
    rows = [(f"text {n}", "common", "") for n in range(40)] + [(f"rare {n}", "rare", "") for n in range(10)]
    lint = of_texts.unbalanced_labels(texts(*rows))
    assert "4.0 times" in lint.finding
    assert lint.share == 0.8
    assert (
        of_texts.unbalanced_labels(texts(*((text, f"answer to {text}", "") for text, _, _ in rows))) is None
    )


def instruction(user: int, place: int, split: str) -> tuple[str, str, str]:
    titles = [f'"Film {user}-{number}"' for number in range(place, place + 6)]
    return f"liked {', '.join(titles[:3])} disliked {', '.join(titles[3:5])}: {titles[5]}?", "Yes.", split


def test_the_users_behind_instructions_are_told_by_their_histories():
    rows = [instruction(user, place, "test") for user in range(3) for place in range(20)]
    lint = of_texts.few_users(texts(*rows))
    assert "60 rows of test come from 3 users" in lint.finding
    assert of_texts.user_on_both_sides(texts(*rows)) is None


def test_a_user_who_goes_on_in_another_split():
    rows = [instruction(1, place, "train" if place < 10 else "test") for place in range(20)]
    rows += [instruction(2, place, "train") for place in range(20)]
    lint = of_texts.user_on_both_sides(texts(*rows))
    assert (lint.count, lint.share) == (1, 0.5)


def test_examples_with_a_user_field_need_no_guess():
    rows = [Example(n, {"user": f"u{n % 2}", "text": f"t{n}"}, "x", split) for n, split in enumerate("abbb")]
    assert of_texts.user_on_both_sides(Texts(rows)).count == 1


def test_broken_and_empty_texts():
    odd = texts(("Sepp+ñl+ñ sells", "a", ""), ("re\ufffdplaced", "b", ""), ("", "a", ""), ("fine ä", "", ""))
    assert of_texts.broken_texts(odd).count == 2
    assert of_texts.empty_texts(odd).count == 2


def test_personal_data_are_counted_by_kind_and_hidden():
    lint = private_texts(["write to ann.lee@example.org", "nothing"], "texts", 2, "read them")
    assert (lint.count, lint.share) == (1, 0.5)
    assert lint.examples == ("e-mail an*.***@*******.***",)
