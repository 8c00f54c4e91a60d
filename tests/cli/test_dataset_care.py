"""`promptrec dataset lint|stats|splits|clean` as a script calls them."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home

LINT_KEYS = {"lint", "severity", "finding", "count", "share", "examples", "way_on"}


@pytest.fixture
def call(home: Home, shop: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command over a home with the shop; answers (exit status, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run_command(arguments)
        out, err = capsys.readouterr()
        return status, out, err

    events, items = str(shop / "events.csv"), str(shop / "items.csv")
    assert run("dataset", "import", events, "--items", items, "--name", "shop")[0] == 0
    return run


def test_lint_finds_the_ids_that_follow_time(call: Any) -> None:
    status, out, _ = call("dataset", "lint", "shop", "--json", "--progress", "none")
    lints = {lint["lint"]: lint for lint in json.loads(out)}
    assert status == 0
    assert all(lint.keys() == LINT_KEYS for lint in lints.values())
    # Each user of the shop goes through the items in the order of their keys.
    assert lints["ordered_ids"]["severity"] == "serious"
    assert "next id" in call("dataset", "lint", "shop")[1]


def test_stats_add_up(call: Any) -> None:
    statistics = json.loads(call("dataset", "stats", "shop", "--json")[1])
    assert (statistics["users"], statistics["items"]) == (30, 24)
    spread = statistics["histograms"][0]
    assert sum(bar["count"] for bar in spread["bars"]) == 30
    assert any("in tokens of tiny" in histogram["title"] for histogram in statistics["histograms"])
    assert "events per user" in call("dataset", "stats", "shop")[1]


def test_splits_of_the_shop(call: Any) -> None:
    rows = {row["policy"]: row for row in json.loads(call("dataset", "splits", "shop", "--json")[1])}
    assert rows.keys() == {"leave_one_out", "ratio_by_user", "global_time"}
    assert (rows["leave_one_out"]["test"], rows["leave_one_out"]["tied"]) == (30, 0)
    assert [name for name, row in rows.items() if row["usable"]] == ["leave_one_out"]


def test_splits_of_labelled_texts(call: Any, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text,label\n" + "".join(f"text {n},{n % 2}\n" for n in range(40)))
    assert call("dataset", "import", str(tmp_path / "texts.csv"), "--name", "texts")[0] == 0
    _, out, _ = call("dataset", "splits", "texts")
    assert out.splitlines()[1].split()[:4] == ["given", "32", "4", "4"]
    assert "none for validation and test" in out


def test_a_split_that_runs_do_not_know_is_refused_where_it_is_chosen(call: Any) -> None:
    status, _, err = call(
        *("run", "start", "--name", "r", "--dataset", "shop", "--template", "list", "--model", "tiny"),
        *("--set", "data.split=global_time"),
    )
    assert status == 1
    assert "data.split cannot be 'global_time': give leave_one_out" in err


def test_clean_makes_a_new_dataset_and_leaves_the_old_one(call: Any, home: Home) -> None:
    parent = json.loads(call("dataset", "show", "shop", "--json")[1])
    steps = ("--step", "rating=4", "--step", "kcore=3", "--step", "users=pseudonyms")
    status, out, err = call("dataset", "clean", "shop", *steps, "--name", "liked", "--json")
    assert status == 0, err
    made = json.loads(out)
    assert (made["parent"], made["steps"]) == (parent["id"], list(steps[1::2]))
    assert (
        made["interactions"] + sum(effect["interactions"] for effect in made["effects"])
        == parent["interactions"]
    )
    assert json.loads(call("dataset", "show", "shop", "--json")[1]) == parent
    rows = json.loads(call("dataset", "rows", "liked", "--limit", "10000", "--json")[1])
    assert len(rows) == made["interactions"]
    assert not any(row["user"].startswith("u") for row in rows)
    file = home.root / made["file"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == made["sha256"]
    assert stat.S_IMODE(home.pseudonym_key.stat().st_mode) == 0o600


def test_the_same_steps_again_give_the_same_file(call: Any) -> None:
    shas = set()
    for name in ("one", "two"):
        arguments = ("--step", "dedupe=first", "--step", "users=pseudonyms", "--name", name, "--json")
        shas.add(json.loads(call("dataset", "clean", "shop", *arguments)[1])["sha256"])
    assert len(shas) == 1


def test_a_dry_run_counts_and_writes_nothing(call: Any, home: Home) -> None:
    before = sorted(home.root.rglob("*"))
    status, out, _ = call("dataset", "clean", "shop", "--step", "users=pseudonyms", "--dry-run", "--json")
    assert status == 0
    assert json.loads(out)["effects"][0]["changed"] == 30
    assert sorted(home.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--step", "kcore=5"), "--name"),
        (("--name", "x"), "--step dedupe=first"),
        (("--name", "shop", "--step", "kcore=2"), "exists already"),
        (("--name", "x", "--step", "kcore=1000"), "would leave nothing"),
        (("--name", "x", "--step", "core=2"), "mean 'kcore'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_left(
    call: Any, home: Home, arguments: tuple[str, ...], says: str
) -> None:
    before = sorted(home.datasets.iterdir())
    status, _, err = call("dataset", "clean", "shop", *arguments)
    assert status == 1
    assert says in err
    assert sorted(home.datasets.iterdir()) == before


def test_a_key_that_others_can_read_is_refused(call: Any, home: Home) -> None:
    home.pseudonym_key.write_bytes(b"k" * 32)
    home.pseudonym_key.chmod(0o644)
    status, _, err = call("dataset", "clean", "shop", "--step", "users=pseudonyms", "--name", "x")
    assert status == 1
    assert "chmod 600" in err


def test_copies_of_a_text_stay_in_the_test_split_only(call: Any, tmp_path: Path) -> None:
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "train.csv").write_text(
        "text,category\nwhere is my card?,card\nhow much?,price\nhow much?,price\n"
    )
    (folder / "test.csv").write_text("text,category\nWhere is  my card?,card\n")
    assert call("dataset", "import", str(folder), "--name", "intents")[0] == 0
    lints = json.loads(call("dataset", "lint", "intents", "--json")[1])
    assert {"texts_across_splits", "duplicate_texts"} <= {lint["lint"] for lint in lints}
    assert call("dataset", "clean", "intents", "--step", "texts=once", "--name", "once")[0] == 0
    rows = json.loads(call("dataset", "rows", "once", "--json")[1])
    assert sorted((row["split"], row["label"]) for row in rows) == [("test", "card"), ("train", "price")]
    assert json.loads(call("dataset", "lint", "once", "--json")[1]) == []
