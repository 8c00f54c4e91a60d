"""The queue by command; nothing is started."""

import json

import pytest

from promptrec_tui.cli.main import run_command

START = ("run", "start", "--dataset", "shop", "--template", "list", "--model", "tiny")


@pytest.fixture
def say(home, shop, monkeypatch, capsys):
    """Run a command; its JSON document, or what it said on stderr with another status."""
    for place in ("runs", "queue"):
        monkeypatch.setattr(f"promptrec_tui.workspace.{place}.spawn_dispatch", lambda home: None)

    def run(*words, status=0):
        assert run_command([*words, "--json"]) == status
        out, err = capsys.readouterr()
        return err if status else json.loads(out)

    run("dataset", "import", str(shop / "events.csv"), "--items", str(shop / "items.csv"), "--name", "shop")
    return run


def places(say):
    return {row["name"]: row["queue"]["place"] for row in say("run", "list")}


def test_the_queue_by_command(say, capsys):
    started = say(*START, "--name", "a", "--hold", "--stop-queue-on-failure")
    waits = {"place": 1, "held": True, "priority": 0, "continue_after_failure": False}
    assert (started["state"], started["reason"], started["queue"]) == ("queued", "held", waits)
    assert started["survives_logout"]["answer"] in ("yes", "no", "unknown")
    say(*START, "--name", "b")
    assert say(*START, "--name", "c", "--priority", "2")["queue"]["place"] == 1
    assert places(say) == {"c": 1, "a": 2, "b": 3}
    assert say("run", "move", "b", "top")["queue"] == waits | {
        "held": False,
        "priority": 2,
        "continue_after_failure": True,
    }
    assert say("run", "priority", "c", "0")["queue"]["place"] == 3
    assert not say("run", "release", "a")["queue"]["held"]
    assert say("run", "hold", "b")["reason"] == "held"
    assert say("run", "after-failure", "a", "continue")["queue"]["continue_after_failure"]
    say("run", "after-failure", "a", "stop")
    assert places(say) == {"b": 1, "a": 2, "c": 3}
    assert run_command(["run", "list"]) == 0
    assert "1, held, priority 2" in (shown := capsys.readouterr().out)
    assert "2, stops the queue if it fails" in shown
    assert run_command(["run", "show", "a"]) == 0
    assert "in the queue: 2, stops the queue if it fails" in capsys.readouterr().out
    say("run", "stop", "c")
    assert say("run", "move", "c", "up", status=1) == (
        "promptrec: Run 'c' is draft: only a run that waits has a place in the queue.\n"
    )
