"""What a lint must not say: nothing at chance level, nothing that changes nothing."""

import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from promptrec_tui.datasets.broken_text import broken_parts, entities, without_entities
from promptrec_tui.datasets.cleaning import clean_contents, parse_steps
from promptrec_tui.datasets.contents import read_contents
from promptrec_tui.datasets.dataset import Item, open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.lints import lint_dataset
from promptrec_tui.datasets.releases import release_times

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture
def lints(tmp_path):
    (tmp_path / "datasets").mkdir()

    def run(source, **options):
        target = tmp_path / "datasets" / f"{random.random()}.sqlite"
        if isinstance(source, list):
            path = tmp_path / "e.csv"
            path.write_text("\n".join(source) + "\n")
            source = path
        import_dataset(source, target, ImportOptions(**options))
        with open_dataset(target) as dataset:
            return {lint.lint: lint for lint in lint_dataset(dataset, lambda *_: None, NOW)}

    return run


def test_shuffled_histories_of_a_small_catalogue_have_no_order(lints):
    assert "ordered_ids" not in lints(CASES / "lint-ordered-ids" / "events.csv")


@pytest.mark.parametrize("items", [6, 11, 30, 300])
@pytest.mark.parametrize("seed", range(5))
def test_no_order_of_ids_is_seen_by_chance(lints, items, seed):
    dice = random.Random(seed)
    rows = ["user,item,timestamp"]
    for user in range(40):
        chosen = dice.sample(range(items), min(items, 8))
        rows += [f"u{user},{item},{1000 + step}" for step, item in enumerate(chosen)]
    assert "ordered_ids" not in lints(rows)


@pytest.mark.parametrize("items", [11, 300])
def test_an_order_that_is_there_is_seen(lints, items):
    rows = ["user,item,timestamp"]
    for user in range(40):
        start = random.Random(user).randrange(items - 8)
        rows += [f"u{user},{start + step},{1000 + step}" for step in range(8)]
    lint = lints(rows)["ordered_ids"]
    assert lint.severity == "serious"
    assert "tie_rule" in lint.way_on
    untimed = [row.rsplit(",", 1)[0] for row in rows]
    assert "tie_rule" not in lints(untimed)["ordered_ids"].way_on


def test_bare_keys_are_no_titles_that_begin_one_another(lints):
    rows = [f"u{n % 3},{n}" for n in range(1, 40)]
    assert "title_prefixes" not in lints(["user,item", *rows])


def test_a_release_year_is_a_release_date_and_a_product_number_no_year():
    def item(title, **attributes):
        return Item(0, "k", title, attributes, 1)

    items = [
        item("A", release_year="1999"),
        item("A", year_of_publication="2001.0"),
        item("Cable (2089)"),
        item("Film (1999)"),
        item("Film (2027)"),
        item("Film (2028)"),
    ]
    years = [
        None if np.isnan(time) else datetime.fromtimestamp(time, UTC).year
        for time in release_times(items, NOW)
    ]
    assert years == [1999, 2001, None, 1999, 2027, None]


@pytest.mark.parametrize(
    "text", ["ÐœÐ¾ÑÐºÐ²Ð°", "äººå·¥æ™ºèƒ½", "M√©lange", "donâ€™t", "l├ñ", "Sepp+ñl+ñ", "re\ufffdd"]
)
def test_mojibake_of_several_scripts_and_code_pages_is_found(text):
    assert broken_parts(text)
    assert all(part in text for part in broken_parts(text))


@pytest.mark.parametrize(
    "text", ["Amélie", "PÃO DE QUEIJO", "Москва слезам не верит", "千と千尋の神隠し", "“Æon” – ½"]
)
def test_well_written_titles_are_not_taken_for_mojibake(text):
    assert broken_parts(text) == []


def test_entities_are_found_and_undone():
    text = "Q&amp;A &#39;s &rdquo; &#x27; AT&T &nosuch; &amp;amp; & ;"
    assert entities(text) == ["&amp;", "&#39;", "&rdquo;", "&#x27;"]
    assert without_entities(text) == "Q&A 's ” ' AT&T &nosuch; &amp; & ;"


def test_entities_that_are_no_characters_stay_and_ends_of_lines_are_spaces():
    assert without_entities("a&#10;b&nbsp;c&#0;d&#27;e") == "a b c&#0;d&#27;e"
    assert entities("&#0; &#xD800;") == []


def test_entities_in_titles_are_told_and_cleaned(lints, tmp_path):
    rows = [f"u{n % 3},i{n % 4},Tom &amp; Jerry {n % 4}" for n in range(12)]
    findings = lints(["user,item,title", *rows])
    assert findings["escaped_titles"].count == 4
    assert "entities=unescape" in findings["escaped_titles"].way_on
    (source,) = (tmp_path / "datasets").glob("*.sqlite")
    with open_dataset(source) as dataset:
        cleaned, effects = clean_contents(read_contents(dataset), parse_steps(["entities=unescape"]), bytes)
    assert cleaned.items[0].title == "Tom & Jerry 0"
    assert effects[0].changed == 4
