"""A title for which a run would fail is named before the run is queued."""

import csv
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.prompts.template import Template
from promptrec_tui.workspace.answers import check_answers
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.models import add_model
from promptrec_tui.workspace.new_runs import NewRun, make_spec, start_run
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.runs import list_runs
from promptrec_tui.workspace.templates import save_edited

CASE = Path(__file__).parents[1] / "cases" / "same-tokens" / "model"
Start = Callable[..., None]
LONG = "".join(chr(97 + number * 7 % 26) for number in range(2_000))


@pytest.fixture
def start(home: Home, shop: Path, tmp_path: Path) -> Start:
    """Start a run, held, with other titles for some of the shop's items."""

    def act(titles: dict[str, str], template: str = "list", model: Path | None = None) -> None:
        with open(shop / "items.csv", newline="") as file:
            rows = [
                {**row, "title": titles.get(row["item_id"], row["title"])} for row in csv.DictReader(file)
            ]
        with open(shop / "items.csv", "w", newline="") as file:
            out = csv.DictWriter(file, rows[0])
            out.writeheader()
            out.writerows(rows)
        with opened(home) as workspace:
            import_source(
                workspace, shop / "events.csv", "shop", ImportOptions(format="csv", items=shop / "items.csv")
            )
            short = "{{ item.title | truncate(100, true) }}"
            prompt = "{% for item in history %}" + short + "\n{% endfor %}"
            save_edited(workspace, Template("short", "next_item", "en", prompt, short), "")
            if model:
                add_model(workspace, str(model), "other")
            try:
                new = NewRun("one", "shop", "next_item", template, "other" if model else "tiny", {})
                start_run(workspace, new, hold=True)
            finally:
                listed = list_runs(workspace)
        assert [row.name for row in listed] == ["one"]

    return act


def words(folder: Path, known: str, unknown: str | None) -> Path:
    """A model folder whose tokenizer knows some words only."""
    shutil.copytree(CASE, folder)
    vocabulary = {word: number for number, word in enumerate(["<|end|>", *known.split()])}
    vocabulary |= {unknown: len(vocabulary)} if unknown else {}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, **({"unk_token": unknown} if unknown else {})))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<|end|>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_a_title_that_leaves_no_room_is_named_and_can_be_cut(start: Start) -> None:
    with pytest.raises(UserError, match=r"item '003', 'ahov.*1,616 of the 2,048 .* truncate\(100, true\)"):
        start({"003": LONG})


def test_the_way_out_of_a_long_title(start: Start) -> None:
    start({"003": LONG}, template="short")


def test_good_titles_are_queued(start: Start) -> None:
    start({"003": "Thing D 3, the long one " * 5, "004": "英雄"})


KNOWN = "Thing " + " ".join(f"{chr(65 + number)} {number}" for number in range(24))


@pytest.mark.parametrize("unknown", ["<unk>", None])
def test_a_title_that_the_tokenizer_cannot_spell_is_named(
    start: Start, tmp_path: Path, unknown: str | None
) -> None:
    folder = words(tmp_path / "words", KNOWN, unknown)
    with pytest.raises(
        UserError, match=r"Item '005' cannot be an answer.*'英雄'.*choose a model whose tokenizer"
    ):
        start({"005": "英雄"}, template="short", model=folder)


def test_a_large_catalogue_is_soon_checked(home: Home, tmp_path: Path) -> None:
    with open(tmp_path / "events.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("user_id", "item_id", "timestamp"))
        out.writerows((f"u{event // 10}", f"i{event}", event) for event in range(10_000))
    with open(tmp_path / "items.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("item_id", "title"))
        out.writerows((f"i{item}", f"The dark night of the river {item} (1995)") for item in range(10_000))
    with opened(home) as workspace:
        options = ImportOptions(format="csv", items=tmp_path / "items.csv")
        import_source(workspace, tmp_path / "events.csv", "many", options)
        spec = make_spec(workspace, NewRun("one", "many", "next_item", "list", "tiny", {}))
        begun = time.process_time()
        check_answers(workspace, spec)
        assert time.process_time() - begun < 4
