"""Each cleaning step does what it says, counts it, and leaves sound contents."""

import pytest

from promptrec_tui.datasets.cleaning import (
    STEPS,
    article_first,
    clean_contents,
    parse_steps,
    pseudonym,
    tidy_title,
)
from promptrec_tui.datasets.contents import interaction_rows, user_rows
from promptrec_tui.datasets.dataset import User
from promptrec_tui.errors import UserError

SECRET = b"k" * 32
START = 1_000_000_000


def cleaned(contents, *steps):
    return clean_contents(contents, parse_steps(steps), lambda: SECRET)


def histories(contents):
    """Item keys and times by user key."""
    by_user: dict[str, list[tuple[str, int | None]]] = {user: [] for user in contents.users}
    for user, position, item, _, time, _ in interaction_rows(contents):
        assert position == len(by_user[contents.users[user]])
        by_user[contents.users[user]].append((contents.items[item].key, time))
    return by_user


def test_no_step_leaves_everything(contents):
    before = {"ann": [("a", 1, 5.0), ("b", 2, None)], "bob": [("b", None)]}
    made, effects = cleaned(contents(before, {"c": "C"}))
    assert effects == []
    assert histories(made) == {"ann": [("a", 1), ("b", 2)], "bob": [("b", None)]}
    assert [item.key for item in made.items] == ["c", "a", "b"]
    assert [row[3] for row in interaction_rows(made)] == [5.0, None, None]


@pytest.mark.parametrize(("which", "ratings"), [("first", [1.0, 3.0]), ("last", [2.0, 3.0])])
def test_dedupe_keeps_one_of_the_same_user_item_and_time(contents, which, ratings):
    made, [effect] = cleaned(
        contents({"u": [("a", 1, 1.0), ("a", 1, 2.0), ("a", 2, 3.0)]}), f"dedupe={which}"
    )
    assert [row[3] for row in interaction_rows(made)] == ratings
    assert effect.interactions == 1
    assert effect.sentence == f"dedupe={which}: 1 interaction left out."


def test_repeats_keep_one_of_the_same_item_whenever(contents):
    before = {"u": [("a", 1), ("b", 2), ("a", 3)], "v": [("a", 1)]}
    first, _ = cleaned(contents(before), "repeats=first")
    last, _ = cleaned(contents(before), "repeats=last")
    assert histories(first)["u"] == [("a", 1), ("b", 2)]
    assert histories(last)["u"] == [("b", 2), ("a", 3)]
    assert histories(last)["v"] == [("a", 1)]


def test_a_rating_threshold_leaves_events_without_ratings_and_drops_users_without_events(contents):
    before = {"u": [("a", 1, 4.0), ("b", 2, 3.5), ("c", 3, None)], "v": [("a", 1, 1.0)]}
    made, [effect] = cleaned(contents(before), "rating=4")
    assert histories(made) == {"u": [("a", 1)]}
    assert [row[3] for row in interaction_rows(made)] == [None]
    assert (effect.users, effect.items, effect.interactions) == (1, 0, 3)
    assert [item.events for item in made.items] == [1, 0, 0]


def test_kcore_goes_on_until_all_fit(contents):
    # Without x, u has one event only; without u, a has one only; then v falls too.
    before = {"u": [("a", 1), ("x", 2)], "v": [("a", 1), ("b", 2)], "w": [("b", 1), ("c", 2), ("d", 3)]}
    before |= {user: [("c", 1), ("d", 2)] for user in "yz"}
    made, [effect] = cleaned(contents(before), "kcore=2")
    assert histories(made) == {user: [("c", n), ("d", n + 1)] for user, n in (("w", 2), ("y", 1), ("z", 1))}
    assert [item.key for item in made.items] == ["c", "d"]
    assert (effect.users, effect.items, effect.interactions) == (2, 3, 5)


def test_kcore_of_users_and_items_apart(contents):
    before = {"u": [("a", 1), ("b", 2)], "v": [("a", 1)]}
    made, _ = cleaned(contents(before), "kcore=1,2")
    assert histories(made) == {"u": [("a", 1)], "v": [("a", 1)]}


def test_untitled_and_unseen_items_leave_the_catalogue(contents):
    before = {"u": [("a", 1), ("b", 2)]}
    made, [untitled, unseen] = cleaned(
        contents(before, {"a": "Alien", "b": "b", "c": "Cube"}), "untitled=drop", "unseen=drop"
    )
    assert [(item.item_id, item.title) for item in made.items] == [(0, "Alien")]
    assert (untitled.items, untitled.interactions, unseen.items) == (1, 1, 1)


def test_times_come_to_seconds_and_are_sorted_by_their_parts(contents):
    mixed = {"u": [("b", START + 1), ("c", (START + 1) * 1000 - 500), ("a", START * 10**6)]}
    made, [effect] = cleaned(contents(mixed), "times=seconds")
    assert histories(made)["u"] == [("a", START), ("c", START), ("b", START + 1)]
    assert effect.changed == 2


@pytest.mark.parametrize("early", [-428_720_400_000, 0, 86_400_000, 5_000_000_000])
def test_early_milliseconds_keep_their_place(contents, early):
    late = START * 1000
    history = sorted([("a", early), ("b", late), ("c", late + 1)], key=lambda event: event[1])
    made, [effect] = cleaned(contents({"u": history}), "times=seconds")
    assert histories(made)["u"] == [("a", early // 1000), ("b", START), ("c", START)]
    assert effect.changed == 3


def test_titles_are_tidied_and_articles_put_first(contents):
    made, [effect] = cleaned(
        contents({"u": [("m", 1), ("h", 2)]}, {"m": "Matrix,  The (1999)", "h": "Heat"}), "titles=articles"
    )
    assert [item.title for item in made.items] == ["The Matrix (1999)", "Heat"]
    assert effect.changed == 1
    assert tidy_title(" Cafe\u0301   noir ") == "Café noir"
    assert tidy_title("Matrix, The") == "Matrix, The"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Godfather, The", "The Godfather"),
        ("Few Good Men, A (1992)", "A Few Good Men (1992)"),
        ("Avventura, L' (a.k.a. Adventure, The) (1960)", "L'Avventura (a.k.a. Adventure, The) (1960)"),
        ("Misérables, Les (1995)", "Les Misérables (1995)"),
        ("Good, the Bad", "Good, the Bad"),
        ("Paris, Texas (1984)", "Paris, Texas (1984)"),
    ],
)
def test_article_first(before, after):
    assert article_first(before) == after


def test_items_of_one_title_become_the_most_popular_of_them(contents):
    before = {"u": [("1", 1), ("2", 2)], "v": [("2", 1)]}
    made, [effect] = cleaned(contents(before, {"1": "Emma", "2": "Emma"}), "titles=merge")
    assert histories(made) == {"u": [("2", 1), ("2", 2)], "v": [("2", 1)]}
    assert (effect.items, effect.changed) == (1, 1)


def test_one_of_each_text_that_of_the_test_first(contents):
    examples = [
        ("same", "a", "train"),
        ("other", "b", "train"),
        ("Same ", "a", "test"),
        ("same", "a", "valid"),
    ]
    made, [effect] = cleaned(contents({}, {}, examples), "texts=once")
    assert [(example.example_id, example.fields["text"], example.split) for example in made.examples] == [
        (0, "other", "train"),
        (1, "Same ", "test"),
    ]
    assert effect.examples == 2


def test_pseudonyms_hide_keys_and_stay_the_same_under_one_secret(contents):
    before = {"ann": [("a", 1)], "bob": [("a", 1)]}
    made, [effect] = cleaned(contents(before), "users=pseudonyms")
    assert list(made.users) == [pseudonym("ann", SECRET), pseudonym("bob", SECRET)]
    assert all(len(key) == 32 and int(key, 16) for key in made.users)
    assert not any(made.profiles)
    assert pseudonym("ann", SECRET) != pseudonym("ann", b"other")
    assert effect.changed == 2


def test_user_rows_follow_the_events(contents):
    histories = {"t": [("z", 1)], "u": [("a", 1), ("b", 2)], "v": [("a", 3), ("a", 4)]}
    made, _ = cleaned(contents(histories), "kcore=2,1")
    assert list(user_rows(made)) == [User(0, "u", 2, 0, {"called": "u"}), User(1, "v", 2, 2, {"called": "v"})]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("kcor=5", r"no cleaning step 'kcor'.*mean 'kcore'"),
        ("kcore", "kcore= and a number"),
        ("kcore=0", "cannot be '0'"),
        ("dedupe=both", "first or last"),
        ("", "no cleaning step ''"),
    ],
)
def test_a_wrong_step_is_refused(step, says):
    with pytest.raises(UserError, match=says):
        parse_steps([step])


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("kcore=9", "would leave nothing"),
        ("rating=1", "needs ratings"),
        ("times=seconds", "needs timestamps"),
    ],
)
def test_a_step_that_does_not_fit_the_data_is_refused(contents, step, says):
    with pytest.raises(UserError, match=says):
        cleaned(contents({"u": [("a", None)]}), step)


def test_the_form_and_the_help_offer_every_step():
    from promptrec_tui.cli.dataset_care import clean_command
    from promptrec_tui.tui.screens.clean_dataset import CHOICES

    assert all(f"{step}=" in (clean_command.__doc__ or "") for step in STEPS)
    assert list(CHOICES) == list(STEPS)
    for step, (_, choices) in CHOICES.items():
        for choice in choices or ("5",):
            assert parse_steps([f"{step}={choice}"])
