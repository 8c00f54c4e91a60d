"""Templates tried by the real process, on a small simulated shop, with the embedded model."""

import json
from pathlib import Path

import pytest

from promptrec_tui.datasets.importer import ImportOptions
from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.workspace.datasets import import_source
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.templates import save_template
from promptrec_tui.workspace.trials import Sensitivity, try_templates

BROKEN = "name = 'long'\nprompt = '{{ history[0].title }}'\ncompletion = '{{ item.colour }}'\n"


@pytest.fixture(scope="module")
def tried(
    tmp_path_factory: pytest.TempPathFactory, make_shop
) -> tuple[Sensitivity, list[tuple[str, int, int]]]:
    """Seven templates, one of which fits no item, and each loop turned round; and what was told meanwhile."""
    place = tmp_path_factory.mktemp("trials")
    shop = make_shop(place)
    progress: list[tuple[str, int, int]] = []

    def tell(*news) -> None:
        progress.append(news)

    (place / "long.toml").write_text(BROKEN)
    with opened(Home(place / "home")) as here:
        import_source(here, shop / "events.csv", "shop", ImportOptions(items=shop / "items.csv"))
        save_template(here, place / "long.toml")
        names = ("list", "next-item-en", "next-item-zh", "next-film-en", "list-zh", "long")
        sensitivity = try_templates(here, "shop", names, orders=True, users=8, k=5, words=True, progress=tell)
    return sensitivity, progress


def test_the_best_template_met_all_users_and_the_others_fewer(tried) -> None:
    sensitivity, _ = tried
    assert [trial.users for trial in sensitivity.trials if not trial.error] == [8, 8, 8, *[2] * 7]
    ranks = [trial.metrics["rank"] for trial in sensitivity.trials[:3]]
    assert ranks == sorted(ranks)
    assert all(1 <= rank <= 24 for rank in ranks)


def test_mean_and_range_are_of_the_users_that_all_met(tried) -> None:
    sensitivity, _ = tried
    values = [trial.first["ndcg@5"] for trial in sensitivity.trials if not trial.error]
    assert sensitivity.users == 2
    assert (sensitivity.low, sensitivity.high) == (min(values), max(values))
    assert sensitivity.mean == pytest.approx(sum(values) / len(values))
    assert sensitivity.protocol["stage"] == "validation"


def test_a_template_that_does_not_fit_says_why_and_comes_last(tried) -> None:
    sensitivity, _ = tried
    assert sensitivity.trials[-1].name == "long"
    assert "no 'colour' here" in sensitivity.trials[-1].error


def test_words_of_the_winner_are_weighed_dearest_first(tried) -> None:
    sensitivity, _ = tried
    costs = [word.cost for word in sensitivity.words]
    assert costs == sorted(costs, reverse=True)


def test_progress_counts_up(tried) -> None:
    _, progress = tried
    counts = [done for phase, done, total in progress if not phase.startswith("without")]
    assert counts == sorted(counts)


def test_figures_are_plain_json(tried) -> None:
    json.dumps(tried[0].protocol, allow_nan=False)


def test_a_run_and_a_model_do_not_go_together(home: Home, shop: Path) -> None:
    with opened(home) as here:
        import_source(here, shop / "events.csv", "shop", ImportOptions())
        with pytest.raises(UserError, match="not both"):
            try_templates(here, "shop", ("list",), model="tiny", run="none")
