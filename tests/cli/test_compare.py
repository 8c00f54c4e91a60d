"""`promptrec compare` on folders that hold what trainers would have written."""

import csv
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home
from tests.compared import PROMPT, write_labels, write_ranks, write_spec

Printed = pytest.CaptureFixture[str]
USERS = [f"u{number}" for number in range(40)]


@pytest.fixture
def three(home: Home) -> Home:
    """Run `old`, its repetition `again`, and `new`, which is better for all but the last ten users."""
    old = {user: 12.0 + number % 5 for number, user in enumerate(USERS)}
    new = {user: rank / 4 if number < 30 else rank * 2 for number, (user, rank) in enumerate(old.items())}
    write_ranks(home, "old", old)
    write_ranks(home, "again", old, settings={"train.seed": 2})
    write_ranks(home, "new", new, prompt=PROMPT.upper(), settings={"train.learning_rate": 0.5})
    return home


def answer(capsys: Printed, *arguments: str, status: int = 0) -> str:
    assert run_command(["compare", *arguments]) == status
    said = capsys.readouterr()
    return said.err if status else said.out


def test_the_document_is_that_of_the_contract(three: Home, capsys: Printed) -> None:
    document: dict[str, Any] = json.loads(answer(capsys, "new", "old", "again", "--json"))
    assert [run["name"] for run in document["runs"]] == ["new", "old", "again"]
    assert document["metrics"]["ndcg@10"].keys() == {"new", "old", "again"}
    assert document["differs"]["settings"]["train.learning_rate"] == {
        "new": 0.5,
        "old": 0.001,
        "again": 0.001,
    }
    assert document["differs"]["template_diff"].keys() == {"old", "again"}
    assert {(pair["a"], pair["b"]) for pair in document["pairs"]} == {
        ("new", "old"),
        ("new", "again"),
        ("old", "again"),
    }
    pair = next(pair for pair in document["pairs"] if pair["metric"] == "ndcg@10")
    names = ["a", "b", "metric", "value", "low", "high", "wins", "ties", "losses", "users"]
    assert list(pair)[: len(names)] == names
    assert [pair[name] for name in ("wins", "ties", "losses", "users")] == [30, 0, 10, 40]
    metric = document["metrics"]["ndcg@10"]
    assert pair["value"] == pytest.approx(metric["new"] - metric["old"])
    assert 0 < pair["low"] < pair["value"] < pair["high"]
    assert document["by_user"][0]["users"][0]["gain"] > 0 > document["by_user"][0]["users"][-1]["gain"]
    assert document["seeds"][0]["runs"] == ["old", "again"]
    assert document["seeds"][0]["metrics"]["mrr"]["spread"] == 0


def test_a_person_reads_tables(three: Home, capsys: Printed) -> None:
    said = answer(capsys, "old", "new", "again", "--baseline", "old")
    lines = [line.split() for line in said.splitlines()]
    assert ["train.learning_rate", "0.001", "0.5", "0.001"] in lines
    assert "test, 40 users: " in said
    assert "repetitions of one spec: old (seed 1), again (seed 2)" in said
    assert "new minus old, with 95 % intervals:" in said
    assert "again minus old" in said
    assert "new minus again" not in said
    assert "new is better for 30, equal for 0, worse for 10 of 40 users." in said
    assert ["u0", "12", "3"] in lines
    assert ["in", "old", "in", "new"] in lines
    assert any(line[:1] == ["ndcg@10"] and line[-1] == "better" for line in lines)


def test_csv_has_the_figures_in_full(three: Home, capsys: Printed) -> None:
    options = ("new", "old", "--baseline", "old")
    document = json.loads(answer(capsys, *options, "--json"))
    rows = list(csv.DictReader(answer(capsys, *options, "--format", "csv").splitlines()))
    assert [row["run"] for row in rows[:: len(rows) // 2]] == ["new", "old"]
    assert all(float(row["value"]) == document["metrics"][row["metric"]][row["run"]] for row in rows)
    compared = {row["metric"]: row for row in rows if row["run"] == "new"}
    for pair in document["pairs"]:
        row = compared[pair["metric"]]
        assert (row["minus"], float(row["difference"]), row["better"]) == ("old", pair["value"], "30")


def test_blends_are_rows_of_their_own_and_a_key_of_the_document(home: Home, capsys: Printed) -> None:
    write_ranks(home, "a", dict.fromkeys(USERS, 6.0), blend=dict.fromkeys(USERS, 2.0))
    write_ranks(home, "b", dict.fromkeys(USERS, 3.0))
    document = json.loads(answer(capsys, "a", "b", "--baseline", "b", "--json"))
    assert {pair["a"] for pair in document["pairs"]} == {"a"}
    assert document["metrics"]["mrr"] == {"a": pytest.approx(1 / 6), "b": pytest.approx(1 / 3)}
    blend, mixture = document["blends"]
    assert [blend["run"], blend["part"], mixture["part"]] == ["a", "blend", "mixture"]
    assert blend["metrics"]["mrr"] == 0.5
    pair = next(pair for pair in blend["pairs"] if pair["metric"] == "mrr")
    assert (pair["a"], pair["b"], pair["wins"]) == ("blend of a", "b", 40)
    assert pair["value"] == pytest.approx(0.5 - 1 / 3)
    rows = list(csv.DictReader(answer(capsys, "a", "b", "--baseline", "b", "--format", "csv").splitlines()))
    assert [row["of"] for row in rows] == ["model"] * 8 + ["blend"] * 4 + ["mixture"] * 4
    assert [row["value"] for row in rows if (row["of"], row["metric"]) == ("blend", "mrr")] == ["0.5"]
    said = answer(capsys, "a", "b", "--baseline", "b")
    lines = [line.split() for line in said.splitlines()]
    assert ["blend", "of", "b", "–", "–", "–", "–"] in lines
    assert any(line[:3] == ["blend", "of", "a"] and "0.50" in line for line in lines)
    assert "blend of a minus b, with 95 % intervals:" in said
    assert "blend of a is better for 40, equal for 0, worse for 0 of 40 users." in said


def test_figures_of_few_users_have_two_digits_and_an_interval(three: Home, capsys: Printed) -> None:
    said = answer(capsys, "old", "new", "--baseline", "old")
    assert "test, 40 users: 100 items ranked" in said
    assert "adapters: last" in said
    (line,) = [line for line in said.splitlines() if line.startswith("new  ")]
    assert re.fullmatch(r"new  ( *0\.\d\d \(0\.\d\d to [01]\.\d\d\)){4}", line)
    assert not re.search(r"\d\.\d{3}", said.split("minus")[1].split("users that")[0])


def test_many_runs_are_listed_by_value_and_compared_with_the_first(home: Home, capsys: Printed) -> None:
    for number in range(8):
        rate = 0.5 if number == 3 else 0.25
        write_ranks(
            home, f"r{number}", dict.fromkeys(USERS, 2.0 + number), settings={"train.learning_rate": rate}
        )
    said = answer(capsys, *(f"r{number}" for number in range(8)))
    lines = [line.split() for line in said.splitlines()]
    assert ["train.learning_rate", "0.5", "r3"] in lines
    assert "warning: 8 runs are compared with 'r0', not each with each" in said
    assert said.count(" minus r0, with 95 % intervals:") == 7


def test_what_cannot_be_compared_is_one_sentence(three: Home, capsys: Printed) -> None:
    write_ranks(three, "mean", dict.fromkeys(USERS, 3.0), settings={"evaluation.score": "mean"})
    write_spec(three, "new-2")
    # The catalogue is made from the folders, which is said once.
    answer(capsys, "old", "new")
    for runs, sentence in (
        (("old",), "One run alone cannot be compared"),
        (("old", "newer"), "Did you mean 'new'"),
        (("old", "new-2"), "Run 'new-2' has no test figures"),
        (("old", "mean"), "promptrec run fork mean --set evaluation.score=sum"),
        (("old", "new", "--blend"), 'fit one with "promptrec blend fit old"'),
    ):
        said = answer(capsys, *runs, status=1)
        assert sentence in said
        assert len(said.strip().splitlines()) == 1


def test_labels_have_their_own_words(home: Home, capsys: Printed) -> None:
    write_labels(home, "a", [0, 0, 1, 1] * 10, [0, 0, 0, 1] * 10, [0.9, 0.6, 0.3, 0.8] * 10)
    write_labels(home, "b", [0, 0, 1, 1] * 10, [0, 1, 1, 1] * 10, [0.8, 0.4, 0.7, 0.9] * 10)
    said = answer(capsys, "a", "b")
    assert "Nothing differs but the names." in said
    assert "a is better for 10, equal for 20, worse for 10 of 40 texts." in said
    assert "texts that gain most, by probability of the true label:" in said


def test_other_commands_do_not_load_what_it_needs() -> None:
    script = "import sys, promptrec_tui.cli.compare; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
