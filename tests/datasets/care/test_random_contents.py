"""Whatever the data and the steps: what is left out is counted, what is left is read back as it was."""

import json
from dataclasses import asdict
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from promptrec_tui.datasets.cleaning import STEPS, clean_contents, parse_steps
from promptrec_tui.datasets.contents import interaction_rows, read_contents, user_rows
from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.lints import lint_dataset
from promptrec_tui.datasets.policies import summarise_splits
from promptrec_tui.datasets.statistics import describe_dataset
from promptrec_tui.datasets.writer import write_dataset
from promptrec_tui.errors import UserError

CHOICES = ["times=seconds", "dedupe=first", "dedupe=last", "repeats=first", "repeats=last", "rating=3"]
CHOICES += ["untitled=drop", "titles=articles", "titles=merge", "kcore=2", "kcore=1,3", "unseen=drop"]
CHOICES += ["entities=unescape", "texts=once", "users=pseudonyms"]
KEYS = st.sampled_from("abcde")
TIMES = st.sampled_from([-1, 0, 7, 10**9, 10**9 + 1, 10**12, 10**15])
EVENTS = st.tuples(KEYS, TIMES, st.sampled_from([None, 1.0, 3.5, 5.0]))
HISTORIES = st.dictionaries(
    st.sampled_from(["ann", "bob", "x@y.org", "影"]),
    st.lists(EVENTS, min_size=1, max_size=7).map(lambda events: sorted(events, key=lambda event: event[1])),
)
TITLES = st.dictionaries(KEYS, st.sampled_from(["A", "A 2", "B, The", "a", " ", "Ã©"]))
TEXTS = st.lists(
    st.tuples(
        st.sampled_from(["x", "X ", "", "1"]),
        st.sampled_from(["p", "q", ""]),
        st.sampled_from(["train", "test", ""]),
    ),
    max_size=5,
)


def quiet(phase: str, done: int, total: int) -> None:
    """No progress."""


def test_every_step_is_tried() -> None:
    assert {choice.partition("=")[0] for choice in CHOICES} == set(STEPS)


@settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(HISTORIES, TITLES, TEXTS, st.lists(st.sampled_from(CHOICES), max_size=4))
def test_cleaned_and_written_and_read_back(
    contents, tmp_path_factory, histories, titles, texts, steps
) -> None:
    before = contents(histories, titles, texts)
    try:
        made, effects = clean_contents(before, parse_steps(steps), lambda: b"k" * 32)
    except UserError:
        return
    for noun, count in asdict(before.counts).items():
        assert count == getattr(made.counts, noun) + sum(getattr(effect, noun) for effect in effects)
    file: Path = tmp_path_factory.mktemp("made") / "d.sqlite"
    meta = {noun: str(count) for noun, count in asdict(made.counts).items()}
    rows = list(interaction_rows(made))
    write_dataset(file, lambda: meta, made.items, user_rows(made), rows, made.examples)
    with open_dataset(file) as dataset:
        back = read_contents(dataset)
        assert list(interaction_rows(back)) == rows
        assert (back.users, back.items, back.examples) == (made.users, made.items, made.examples)
        lints = lint_dataset(dataset, quiet)
        statistics = describe_dataset(dataset, quiet, len, "m")
        splits = summarise_splits(dataset)
        assert json.dumps([[asdict(lint) for lint in lints], asdict(statistics), *map(asdict, splits)])
