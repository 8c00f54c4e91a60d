from dataclasses import replace

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template
from promptrec_tui.store.datasets import DatasetRow, add_dataset, delete_dataset, find_dataset, list_datasets
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.models import ModelRow, add_model, delete_model, find_model, list_models
from promptrec_tui.store.templates import add_template, delete_template, find_template, list_templates

FILMS = DatasetRow(
    id="d1",
    name="films",
    file="datasets/d1.sqlite",
    sha256="ab",
    source="/data/films",
    format="csv",
    users=3,
    items=4,
    interactions=12,
    examples=0,
    rejected=1,
    warnings=("2 items without a title", "电影"),
    created="2026-11-24T10:00:00+00:00",
)
TINY = ModelRow(
    id="m1",
    name="tiny",
    folder="/m/tiny",
    sha256="cd",
    family="qwen3",
    model_type="qwen3",
    parameters=2_700_000,
    embedded=True,
    source="shipped",
    created="2026-11-24T10:00:00+00:00",
)
LIST = Template("list", "next_item", "any", "{{ history }}", "{{ item.title }}", "\n")


def test_a_dataset_comes_back_as_it_was_stored(catalogue: Catalogue) -> None:
    assert add_dataset(catalogue, FILMS) == FILMS
    assert list_datasets(catalogue) == [FILMS]
    assert find_dataset(catalogue, "films") == find_dataset(catalogue, "d1") == FILMS


def test_datasets_are_listed_newest_first(catalogue: Catalogue) -> None:
    add_dataset(catalogue, FILMS)
    add_dataset(catalogue, replace(FILMS, id="d2", name="books", created="2026-11-25T10:00:00+00:00"))
    assert [row.name for row in list_datasets(catalogue)] == ["books", "films"]


def test_a_taken_dataset_name_is_refused(catalogue: Catalogue) -> None:
    add_dataset(catalogue, FILMS)
    with pytest.raises(UserError, match="A dataset called 'films' exists already"):
        add_dataset(catalogue, replace(FILMS, id="d2"))
    assert list_datasets(catalogue) == [FILMS]


def test_an_unknown_dataset_gets_its_nearest_name(catalogue: Catalogue) -> None:
    with pytest.raises(UserError, match="there is none at all yet"):
        find_dataset(catalogue, "fims")
    add_dataset(catalogue, FILMS)
    with pytest.raises(UserError, match=r"no dataset called 'fims'\. Did you mean 'films'\?"):
        find_dataset(catalogue, "fims")


def test_a_name_goes_before_an_id(catalogue: Catalogue) -> None:
    add_dataset(catalogue, FILMS)
    other = add_dataset(catalogue, replace(FILMS, id="d2", name="d1"))
    assert find_dataset(catalogue, "d1") == other


def test_a_deleted_dataset_leaves_its_name_free(catalogue: Catalogue) -> None:
    add_dataset(catalogue, FILMS)
    assert delete_dataset(catalogue, "films") == FILMS
    assert list_datasets(catalogue) == []
    add_dataset(catalogue, replace(FILMS, id="d2"))


def test_a_source_path_that_is_no_text_is_stored_readable(catalogue: Catalogue) -> None:
    assert add_dataset(catalogue, replace(FILMS, source="/data/f\udce9lm")).source == "/data/flm"


def test_the_embedded_model_is_listed_first(catalogue: Catalogue) -> None:
    own = replace(TINY, id="m0", name="own", embedded=False, created="2020-01-01T00:00:00+00:00")
    add_model(catalogue, own)
    add_model(catalogue, TINY)
    assert list_models(catalogue) == [TINY, own]
    with pytest.raises(UserError, match="A model called 'tiny' exists"):
        add_model(catalogue, replace(TINY, id="m9"))
    assert delete_model(catalogue, "own") == own
    assert find_model(catalogue, "m1") == TINY


def test_saving_a_template_again_makes_the_next_version(catalogue: Catalogue) -> None:
    first = add_template(catalogue, LIST)
    assert (first.version, first.end_token, first.sha256) == (1, "\n", LIST.sha256)
    assert add_template(catalogue, LIST) == first
    second = add_template(catalogue, replace(LIST, completion="{{ item.title }}!"))
    assert second.version == 2
    assert find_template(catalogue, "list") == second
    assert find_template(catalogue, "list@1") == find_template(catalogue, first.id) == first
    assert list_templates(catalogue) == [second]
    assert add_template(catalogue, LIST).version == 3, "going back to an older text is a new version too"


def test_an_unknown_version_is_told_apart_from_an_unknown_name(catalogue: Catalogue) -> None:
    add_template(catalogue, LIST)
    with pytest.raises(UserError, match="'list' has no version '7': it has 1 to 1"):
        find_template(catalogue, "list@7")
    with pytest.raises(UserError, match=r"no template called 'lits@1'\. Did you mean 'list'"):
        find_template(catalogue, "lits@1")


def test_built_in_templates_come_first_in_their_own_order_and_stay(catalogue: Catalogue) -> None:
    add_template(catalogue, replace(LIST, name="mine"))
    add_template(catalogue, LIST, builtin=True)
    add_template(catalogue, replace(LIST, name="a"), builtin=True)
    add_template(catalogue, replace(LIST, prompt="{{ history }}."), builtin=True)
    assert [(row.name, row.version) for row in list_templates(catalogue)] == [
        ("list", 2),
        ("a", 1),
        ("mine", 1),
    ]
    with pytest.raises(UserError, match="ships with promptrec"):
        delete_template(catalogue, "list")
    delete_template(catalogue, "mine")
    assert [row.name for row in list_templates(catalogue)] == ["list", "a"]
