"""Every reading command, on a home with one dataset, as a script would call it."""

import json
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home


@pytest.fixture
def call(home: Home, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; answers (exit status, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run_command(arguments)
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def stocked(call: Any, shop: Path) -> Any:
    """`call`, after the shop was imported."""
    status, out, err = call(
        *("dataset", "import", str(shop / "events.csv"), "--items", str(shop / "items.csv")),
        *("--name", "shop", "--json"),
    )
    assert status == 0, err
    assert json.loads(out)["users"] == 30
    return call


def test_a_fresh_home_lists_the_embedded_model_and_the_builtin_templates(call: Any) -> None:
    assert json.loads(call("model", "list", "--json")[1])[0]["embedded"] is True
    templates = json.loads(call("template", "list", "--json")[1])
    assert templates[0] | {"task": "next_item", "version": 1, "builtin": True} == templates[0]
    assert json.loads(call("dataset", "list", "--json")[1]) == []
    assert json.loads(call("run", "list", "--json")[1]) == []
    assert "import" in call("dataset", "list")[1]


def test_import_answers_the_contracts_keys(stocked: Any) -> None:
    row = json.loads(stocked("dataset", "show", "shop", "--json")[1])
    assert row.keys() >= {"id", "name", "users", "items", "interactions", "examples", "rejected", "warnings"}
    assert (row["items"], row["rejected"]) == (24, 0)


def test_rows_keep_leading_zeros(stocked: Any) -> None:
    rows = json.loads(stocked("dataset", "rows", "shop", "--limit", "5", "--json")[1])
    assert len(rows) == 5
    assert all(len(row["item_key"]) == 3 for row in rows)


def test_a_dry_run_shows_what_an_import_would_do_and_writes_nothing(
    call: Any, home: Home, shop: Path
) -> None:
    arguments = (
        "dataset",
        "import",
        str(shop / "events.csv"),
        "--items",
        str(shop / "items.csv"),
        "--dry-run",
    )
    status, out, err = call(*arguments, "--json")
    assert status == 0, err
    document = json.loads(out)
    assert (document["format"], document["users"], document["problems"]) == ("csv", 30, [])
    assert document["parts"][0]["mapping"]["user"] == "user_id"
    assert len(document["parts"][1]["rows"]) == 5
    out = call(*arguments)[1]
    assert "csv: its first line has names between commas" in out
    assert "It would hold 30 users, 24 items, 264 interactions." in out
    (shop / "events.csv").write_text("user_id,item_id,rating\nu,001,good\n")
    status, out, err = call(*arguments, "--json", "--progress", "none")
    assert status == 1
    assert json.loads(out)["problems"] == [err.removeprefix("promptrec: ").rstrip()]
    assert "line 2" in err
    assert list(home.datasets.iterdir()) == []


def test_an_import_needs_a_name(call: Any, shop: Path) -> None:
    status, _, err = call("dataset", "import", str(shop / "events.csv"))
    assert status == 2
    assert "--name" in err


def test_who_had_an_item_is_asked_by_title_or_key(stocked: Any) -> None:
    _, out, _ = stocked("dataset", "rows", "shop", "--limit", "1000", "--json")
    rows = json.loads(out)
    title, key = rows[0]["title"], rows[0]["item_key"]
    had = [row for row in rows if row["item_key"] == key]
    for asked in ((title,), (key, "--key")):
        status, out, _ = stocked("dataset", "who", "shop", *asked, "--json", "--progress", "none")
        assert status == 0
        assert json.loads(out)["rows"] == had
        assert json.loads(out)["item"]["events"] == len(had)
    _, out, _ = stocked("dataset", "who", "shop", title, "--limit", "1")
    assert f"The first 1 of {len(had)} events" in out
    status, _, err = stocked("dataset", "who", "shop", title + "x")
    assert status == 1
    assert f"Did you mean {title!r}" in err


def test_render_answers_prompt_and_completion_as_text_and_ids(stocked: Any) -> None:
    status, out, _ = stocked("template", "render", "--dataset", "shop", "--template", "list", "--json")
    document = json.loads(out)
    assert status == 0
    assert document["completion"] == "Thing " + document["completion"][6:]
    assert document["completion"].endswith("\n")
    assert document["prompt"].count("\n") >= 5
    assert document["prompt_token_ids"]
    assert document["completion_token_ids"]
    assert document["dropped_history"] == 0


def test_a_saved_template_gets_versions(stocked: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    for version, word in enumerate(("Liked", "Loved"), 1):
        file.write_text(
            f'name = "mine"\ntask = "next_item"\nlanguage = "en"\n'
            f'prompt = "{word} {{{{ history[-1].title }}}}, then "\ncompletion = "{{{{ item.title }}}}"\n'
        )
        status, out, err = stocked("template", "save", str(file), "--json")
        assert status == 0, err
        assert json.loads(out)["version"] == version
    assert "Loved" in stocked("template", "show", "mine")[1]
    assert "Liked" in stocked("template", "show", "mine@1")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dataset", "show", "shup"), "Did you mean 'shop'?"),
        (("template", "show", "lst"), "Did you mean 'list"),
        (("run", "show", "nothing"), "nothing"),
        (("dataset", "import", "no-such-place", "--name", "x"), "no-such-place"),
        (("model", "add", "./nowhere", "--name", "x"), "./nowhere"),
        (("dataset", "import", "anything", "--name", "shop"), "exists already"),
        (("dataset", "import", "anything", "--name", "x", "--map", "user"), "FIELD=COLUMN"),
        (
            (
                *("run", "start", "--name", "r", "--dataset", "shop", "--template", "list"),
                *("--model", "tiny", "--set", "train.epoch=3"),
            ),
            "train.epochs",
        ),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr(stocked: Any, arguments: tuple[str, ...], words: str) -> None:
    status, out, err = stocked(*arguments)
    assert (status, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_usage_errors_have_status_2(call: Any) -> None:
    assert call("dataset", "import")[0] == 2
    assert call("no-such-noun")[0] == 2


def test_delete_frees_the_name_and_the_file(stocked: Any, home: Home) -> None:
    assert len(list(home.datasets.iterdir())) == 1
    assert stocked("dataset", "delete", "shop")[0] == 0
    assert list(home.datasets.iterdir()) == []
    assert json.loads(stocked("dataset", "list", "--json")[1]) == []


def test_paths_and_doctor(call: Any, home: Home) -> None:
    assert json.loads(call("paths", "--json")[1])["home"] == str(home.root)
    status, out, _ = call("doctor", "--json")
    assert status == 0, out
    assert {row["check"] for row in json.loads(out)} >= {"home", "privacy", "disk", "embedded model"}
