"""Runs as a script drives them: real supervisors, trainers and scorers, on a small simulated shop."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.cli.run import print_summary
from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.tui.trying import Trier
from promptrec_tui.workspace.classify import classify
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.runs import find_run, refresh
from tests.waiting import wait_for

SMALL = ("train.max_steps=4", "train.batch_size=32", "evaluation.users=8", "evaluation.monitor_users=4")


class Terminal:
    """Commands as processes of their own, in one home."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.environment = {**os.environ, "PROMPTREC_HOME": str(home), "OMP_NUM_THREADS": "1"}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "promptrec_tui", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )

    def json(self, *arguments: str, status: int = 0) -> Any:
        process = self.start(*arguments, "--json")
        out, err = process.communicate()
        assert process.returncode == status, err
        return json.loads(out) if out else err

    def run(self, name: str, *settings: str, wait: bool = True) -> Any:
        options = [word for setting in (*SMALL, *settings) for word in ("--set", setting)]
        return self.json(
            *("run", "start", "--name", name, "--dataset", "shop", "--template", "list", "--model", "tiny"),
            *options,
            *(["--wait"] if wait else []),
        )

    def until(self, run: str, *states: str, step: int = 0) -> Any:
        """The document of a run once it has come so far; a command for each look would take its time."""

        def come() -> Any:
            with opened(self.home) as workspace, suppress(UserError):
                refresh(workspace)
                document = run_document(workspace, run)
                return document if document["state"] in states and document["step"] >= step else None
            return None

        return wait_for(come)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory, make_shop: Any) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("runs")
    terminal = Terminal(folder / "home")
    shop = make_shop(folder)
    terminal.json(
        *("dataset", "import", str(shop / "events.csv"), "--items", str(shop / "items.csv"), "--name", "shop")
    )
    yield terminal
    for run in terminal.json("run", "list"):
        if run["state"] in ("starting", "running", "pausing", "stopping"):
            terminal.start("run", "stop", run["name"]).communicate()
            terminal.until(run["name"], "stopped", "done", "failed", "paused", "interrupted")


@pytest.fixture(scope="module")
def done(terminal: Terminal) -> Any:
    """The document of a finished run."""
    return terminal.run("first")


def test_a_run_is_checked_and_nothing_is_started(terminal: Terminal) -> None:
    options = [word for setting in SMALL for word in ("--set", setting)]
    before = {row["name"] for row in terminal.json("run", "list")}
    what = ("run", "check", "--dataset", "shop", "--template", "list", "--model", "tiny")
    checked = terminal.json(*what, *options)
    assert checked["ok"]
    assert {"data", "model", "engine", "step", "evaluation", "memory", "disk", "time"} <= {
        finding["name"] for finding in checked["findings"]
    }
    assert checked["forecast"]["steps"] == 4
    assert checked["forecast"]["step_seconds"] > 0
    assert {row["name"] for row in terminal.json("run", "list")} == before
    told = terminal.json(*what, "--set", "tuning.method=head", status=1)
    assert "set tuning.method=last_layers" in told


def test_a_run_ends_with_the_contracts_document(done: Any) -> None:
    assert done["state"] == "done"
    assert done.keys() >= {
        *("id", "name", "state", "spec", "attempts", "paths", "protocol", "preview_users", "metrics")
    }
    for row in (done["metrics"]["before"], done["metrics"]["after"], *done["metrics"]["baselines"].values()):
        assert row.keys() >= {"hr@10", "ndcg@10", "mrr"}
    assert done["metrics"]["baselines"].keys() == {"popularity", "markov", "item_knn", "knn_markov"}
    gain = done["metrics"]["gain"]
    assert gain["before"]["ndcg@10"].keys() == {"value", "low", "high"}
    assert gain["best_baseline"]["name"] in done["metrics"]["baselines"]
    assert (Path(done["paths"]["adapter"]) / "adapter_model.safetensors").is_file()


def test_recommend_answers_exact_log_probabilities_of_unseen_items(done: Any, terminal: Terminal) -> None:
    answer = terminal.json("recommend", "first", "--user", "u03", "-k", "100", "--token-ids")
    seen = {
        row["item_key"]
        for row in terminal.json("dataset", "rows", "shop", "--limit", "1000")
        if row["user"] == "u03"
    }
    keys = [item["key"] for item in answer["items"]]
    assert seen
    assert len(keys) == len(set(keys)) == 24 - len(seen)
    assert not seen & set(keys)
    scores = [item["logprob"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["prompt_token_ids"]
    untuned = terminal.json("recommend", "first", "--user", "u03", "--untuned")
    assert len(untuned["items"]) == 10
    assert "token_ids" not in untuned["items"][0]
    by_title = terminal.json("recommend", "first", "--history", "Thing A 0", "--history", "Thing B 1")
    assert by_title["prompt"] == "Thing A 0\nThing B 1\n"
    assert "Did you mean" in terminal.json("recommend", "first", "--history", "Thing A O", status=1)


def test_a_blend_is_fitted_shown_and_asked(terminal: Terminal) -> None:
    done = terminal.run("mixed", "evaluation.users=30", "evaluation.baselines=markov,item_knn")
    assert done["blend"] is None
    assert done["metrics"]["blend"] is None
    refused = terminal.json("recommend", "mixed", "--user", "u03", "--blend", status=1)
    assert "fit one with \"promptrec blend fit 'mixed'\"" in refused
    fitted = terminal.json("blend", "fit", "mixed", "--progress", "none")
    assert fitted["weights"].keys() == fitted["shares"].keys()
    assert fitted["gain"].keys() == {"name", "hr@10", "ndcg@10", "mrr@10", "mrr"}
    shown = terminal.json("run", "show", "mixed")
    assert shown["blend"]["weights"] == fitted["weights"]
    assert shown["metrics"]["blend"].keys() == shown["metrics"]["after"].keys()
    assert "mixture" in shown["metrics"]["baselines"]
    answer = terminal.json("recommend", "mixed", "--user", "u03", "--blend", "--require", "kind=tool")
    scores = [item["score"] for item in answer["items"]]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    assert not terminal.json("recommend", "mixed", "--user", "u03", "--exclude", "kind=tool")["items"]
    assert "is not A=V" in terminal.json("recommend", "mixed", "--user", "u03", "--exclude", "tool", status=1)


def test_classify_answers_the_probabilities_of_every_label(
    done: Any, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"good": ("fine", "great"), "bad": ("awful", "poor")}
    lines = [
        f"{words[label][number % 2]} film {number},{label},{split}"
        for split, count in (("train", 40), ("valid", 8), ("test", 12))
        for number in range(count)
        for label in words
    ]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label,split", *lines]) + "\n")
    terminal.json("dataset", "import", str(tmp_path / "texts.csv"), "--format", "labelled", "--name", "texts")
    asked = ("run", "start", "--name", "my moods", "--dataset", "texts", "--task", "classify")
    sizes = [word for setting in SMALL for word in ("--set", setting)]
    run = terminal.json(*asked, "--template", "label", "--model", "tiny", *sizes, "--wait")
    assert run["state"] == "done"

    (tmp_path / "many.txt").write_bytes("\ufeff霸王别姬\r\n\n poor film\n".encode())
    answers = terminal.json("classify", "my moods", 'a "great" film', "--file", str(tmp_path / "many.txt"))
    texts = ['a "great" film', "霸王别姬", " poor film"]
    assert [each["text"] for each in answers] == texts
    for each in answers:
        assert each.keys() == {"text", "label", "probabilities", "cut"}
        assert each["probabilities"].keys() == {"bad", "good"}
        assert sum(each["probabilities"].values()) == pytest.approx(1)
        assert each["label"] == max(each["probabilities"], key=each["probabilities"].get)

    monkeypatch.setattr("promptrec_tui.workspace.classify.AT_ONCE", 2)
    progress: list[tuple[str, int, int]] = []
    trier = Trier()
    with opened(terminal.home) as workspace:
        parts = classify(workspace, "my moods", texts, progress=lambda *news: progress.append(news))
        tried = trier.classify(workspace, find_run(workspace, "my moods"), texts[0])
        trier.close()
    assert [each.text for each in parts] == texts
    assert progress == [("classifying", 2, 3), ("classifying", 3, 3)]
    assert tried.tuned is not None
    assert (tried.untuned.adapter, tried.tuned.adapter) == (None, "result")
    assert tried.tuned.texts[0].probabilities == pytest.approx(answers[0]["probabilities"], abs=1e-5)
    untuned = tried.untuned.texts[0].probabilities
    assert untuned != pytest.approx(answers[0]["probabilities"], abs=1e-3)

    command = [sys.executable, "-m", "promptrec_tui", "classify", "my moods", "-", "--untuned"]
    piped = subprocess.run(
        command, input=f"{texts[0]}\npoor film\n", text=True, capture_output=True, env=terminal.environment
    )
    assert piped.returncode == 0, piped.stderr
    header, *rows = piped.stdout.splitlines()
    assert header.split() == ["label", "probability", "text"]
    assert [row.split()[2:] for row in rows] == [["a", '"great"', "film"], ["poor", "film"]]
    label, probability = rows[0].split()[:2]
    assert float(probability) == pytest.approx(untuned[label], abs=1e-3)

    for arguments, sentence in (
        (("recommend", "my moods", "--user", "u03"), "\"promptrec classify 'my moods' TEXT\"."),
        (
            ("classify", "first", "a text"),
            "recommends items to users: ask it with",
        ),
        (("classify", "my moods"), "There is no text to classify"),
        (("classify", "my moods", "--file", str(tmp_path / "none")), "cannot be read: No such file"),
        (("classify", "my mood", "x"), "Did you mean 'my moods'"),
    ):
        said = terminal.json(*arguments, status=1)
        assert sentence in said
        assert "Traceback" not in said
    (tmp_path / "latin.txt").write_bytes("pas terrible é".encode("latin-1"))
    said = terminal.json("classify", "my moods", "--file", str(tmp_path / "latin.txt"), status=1)
    assert "is no UTF-8 (byte 14)" in said
    terminal.json("run", "delete", "my moods")


def test_an_evaluation_needs_an_adapter_and_a_run_that_has_not_ended_well(
    done: Any, terminal: Terminal
) -> None:
    assert "only a paused, stopped" in terminal.json("run", "resume", "first", "--evaluate", status=1)
    terminal.json(
        *("run", "start", "--name", "idle", "--dataset", "shop", "--template", "list", "--model", "tiny"),
        "--hold",
    )
    terminal.json("run", "stop", "idle")
    said = terminal.json("run", "resume", "idle", "--evaluate", status=1)
    assert "has no adapter to evaluate" in said
    assert "Resume it without --evaluate" in said
    terminal.json("run", "delete", "idle")


def test_a_taken_name_is_refused_before_anything_is_made(done: Any, terminal: Terminal) -> None:
    arguments = ("--name", "first", "--dataset", "shop", "--template", "list", "--model", "tiny")
    assert "exists already" in terminal.json("run", "start", *arguments, status=1)


def test_a_run_outlives_a_killed_command_and_can_be_stopped_and_resumed(terminal: Terminal) -> None:
    options = [
        word
        for setting in (*SMALL, "train.max_steps=2000", "train.eval_every=500")
        for word in ("--set", setting)
    ]
    waiting = terminal.start(
        *("run", "start", "--name", "second", "--dataset", "shop", "--template", "list", "--model", "tiny"),
        *("--wait", *options),
    )
    terminal.until("second", "running", step=3)
    waiting.send_signal(signal.SIGKILL)
    waiting.communicate()
    before = terminal.json("run", "show", "second")
    assert before["state"] == "running"
    terminal.json("run", "pause", "second")
    paused = terminal.until("second", "paused")
    assert paused["step"] >= before["step"]
    terminal.json("run", "resume", "second")
    terminal.until("second", "running")
    terminal.json("run", "stop", "second")
    stopped = terminal.until("second", "stopped")
    assert stopped["step"] >= paused["step"]
    assert [attempt["attempt"] for attempt in stopped["attempts"]] == [1, 2]
    weights = Path(stopped["paths"]["adapter"]) / "adapter_model.safetensors"
    adapter = weights.read_bytes()
    assert not stopped["metrics"]["after"]
    terminal.json("run", "resume", "second", "--evaluate")
    going = terminal.until("second", "running")
    os.kill(going["attempts"][-1]["started"]["trainer"]["pid"], signal.SIGKILL)
    killed = terminal.until("second", "interrupted", "failed", "stopped")
    assert killed["state"] != "stopped"
    evaluated = terminal.json("run", "resume", "second", "--evaluate", "--wait")
    assert (evaluated["state"], evaluated["step"]) == ("stopped", stopped["step"])
    assert "is kept and evaluated" in evaluated["reason"]
    assert evaluated["metrics"]["after"]["mrr"] > 0
    assert evaluated["metrics"]["before"]["mrr"] > 0
    assert weights.read_bytes() == adapter
    terminal.json("run", "delete", "second")
    assert "second" not in {run["name"] for run in terminal.json("run", "list")}


def test_what_is_printed_of_a_run_says_of_whom_its_figures_are(capsys):
    document = {"name": "a", "state": "done", "reason": "", "stalled": False, "step": 9, "total_steps": 9}
    document |= {"seconds_left": None, "phases": [], "tags": [], "note": ""}
    document |= {"queue": None, "log_tail": [], "warnings": [], "users": 20, "best_step": 6, "protocol": None}
    document |= {"metrics": {"before": None, "after": None}, "computing": None}
    document |= {
        "paths": {"adapter": "/nowhere", "log": "l"},
        "survives_logout": {"answer": "yes", "why": "b"},
    }
    document |= {"spec": {"task": "next_item"}, "noise": None}
    document["validation"] = {"metric": "ndcg@10", "best": 0.14, "last": 0.1234, "users": 25}
    print_summary(document)
    assert "NDCG@10: 0.14 (0.05 to 0.32), last 0.12, 25 users, adapter of step 6" in capsys.readouterr().out
