"""Names, tags, notes, pins and the archive: what people say of runs, by command. Nothing of it is lost."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.errors import UserError
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.label import Label, change_label, change_tags, read_label
from promptrec_tui.store.runs import list_runs
from promptrec_tui.workspace.labels import tag_runs
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.rebuild import rebuild
from tests.compared import write_ranks, write_spec


@pytest.fixture
def say(home, capsys):
    """Run a command; its JSON document, or what it said on stderr with another status."""

    def run(*words, status=0):
        assert run_command([*words, "--json"]) == status
        out, err = capsys.readouterr()
        return err if status else json.loads(out)

    return run


def names(say, *words):
    return [row["name"] for row in say("run", "list", *words)]


def test_what_was_said_of_a_run_lies_in_its_folder_and_outlives_the_catalogue(home, say, capsys):
    for name in ("one", "two", "three"):
        write_spec(home, name)
    refused = say("run", "tag", "one", "+films", "-old", status=1)
    assert "No tag 'old' can be taken away. There is none." in refused
    assert say("run", "tag", "one", "+films", "big")["tags"] == ["films", "big"]
    assert say("run", "tag", "one", "-big", "+old")["tags"] == ["films", "old"]
    assert say("run", "note", "one", "电影,\tsecond try")["note"] == "电影, second try"
    assert say("run", "rename", "one", "第一")["name"] == "第一"
    assert say("run", "pin", "第一")["pinned"]
    assert say("run", "archive", "two")["archived"]
    label = Label("第一", ("films", "old"), "电影, second try", pinned=True)
    assert read_label(RunFolder(home.runs / "run-one")) == label
    before = names(say)
    assert before == ["第一", "three"]
    rebuild(home)
    assert names(say) == before
    shown = say("run", "show", "第一")
    assert [shown[key] for key in ("tags", "note", "pinned", "archived")] == [
        ["films", "old"],
        label.note,
        True,
        False,
    ]
    assert run_command(["run", "show", "第一"]) == 0
    assert "tags: films old\nnote: 电影, second try\n" in capsys.readouterr().out
    assert names(say, "tag:films") == ["第一"]
    assert names(say, "archived") == ["two"]
    assert run_command(["run", "list"]) == 0
    assert "1 archived not listed: promptrec run list archived" in capsys.readouterr().err
    say("run", "unarchive", "two")
    say("run", "unpin", "第一")
    assert names(say, "--sort", "name-") == ["第一", "two", "three"]
    assert "cannot be sorted by 'nmae'" in say("run", "list", "--sort", "nmae", status=1)


def test_a_name_is_given_once(home, say):
    for name in ("one", "two"):
        write_spec(home, name)
    assert "A run called 'two' exists already" in say("run", "rename", "one", "two", status=1)
    assert "leave it out" in say("run", "rename", "one", "a@b", status=1)
    assert say("run", "rename", "one", "one")["name"] == "one"
    say("run", "rename", "one", "three")
    assert say("run", "rename", "two", "one")["name"] == "one", "the old name is free"
    assert sorted(names(say)) == ["one", "three"]


@pytest.mark.parametrize("word", ["a b", "a,b", "a:b", '"a"', "+", "", "x" * 41, "a\x1bb"])
def test_what_cannot_be_a_tag_is_refused_and_changes_nothing(home, say, word):
    write_spec(home, "one")
    assert "cannot be a tag" in say("run", "tag", "one", "good", "--", word, status=1)
    assert say("run", "list")[0]["tags"] == []


def test_a_damaged_label_is_ignored_with_a_warning(home, say):
    folder = write_spec(home, "one")
    say("run", "rename", "one", "two")
    folder.label.write_text('{"tags": "films"}')
    row = say("run", "list")[0]
    assert (row["name"], row["tags"]) == ("two", [])
    assert "label.json is damaged (tags is 'films', not a list): it is ignored" in row["reason"]


def test_words_said_at_once_are_all_kept(home):
    folder = write_spec(home, "one")
    change_label(folder, note="first")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: change_tags(folder, [f"tag{number}"], ()), range(24)))
    label = read_label(folder)
    assert (set(label.tags), label.note) == ({f"tag{number}" for number in range(24)}, "first")


def test_a_row_has_its_settings_and_its_test_figure(home):
    write_ranks(home, "one", {"u1": 1.0, "u2": 3.0}, settings={"train.learning_rate": 0.002, "train.seed": 9})
    write_spec(home, "two")
    with opened(home) as workspace:
        with pytest.raises(UserError):
            tag_runs(workspace, ["nobody"], ["x"])
        row, _ = tag_runs(workspace, ["one", "two"], ["x"])
        again = list_runs(workspace.catalogue)
        assert list_runs(workspace.catalogue)[0] is again[0], "what is the same is not made anew"
    assert (row.method, row.learning_rate, row.seed, row.test_users) == ("lora", 0.002, 9, 2)
