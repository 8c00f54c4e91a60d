"""A blend for a run that has ended without one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.tuning.blend_fit import fit

NewRun = Callable[..., RunFolder]
USERS = {"evaluation__users": 24, "evaluation__baselines": "markov,item_knn"}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_it_is_the_blend_that_the_run_would_have_made(new_run: NewRun, tune: Any) -> None:
    progress: list[Any] = []
    plain, blended = new_run(**USERS), new_run("run2", evaluation__blend=True, **USERS)
    tune(plain)
    tune(blended)
    events, card = plain.events.read_bytes(), (plain.adapter / "README.md").read_bytes()
    said = fit(plain, "cpu", progress.append)
    assert said["weights"] == pytest.approx(read(blended.blend)["weights"])
    assert read(plain.blend)["weights"] == said["weights"]
    assert said["gain"] == read(blended.report)["metrics"]["gain"]["blend"]
    assert read(plain.report)["metrics"] == read(blended.report)["metrics"]
    assert read(plain.report)["cases"] == read(blended.report)["cases"]
    assert plain.events.read_bytes() == events
    assert (plain.adapter / "README.md").read_bytes() == card
    assert {"done": 24, "total": 24, "name": "The blend on the test targets"} in progress
    again = fit(plain, "cpu", progress.append)
    assert again == said


def test_a_run_without_figures_of_its_model_is_refused(new_run: NewRun, tune: Any) -> None:
    folder = new_run(**USERS)
    with pytest.raises(UserError, match="has no figures of its tuned model"):
        fit(folder, "cpu", print)


def test_too_few_users_are_told(new_run: NewRun, tune: Any) -> None:
    folder = new_run()
    tune(folder)
    with pytest.raises(UserError, match="8 users are too few"):
        fit(folder, "cpu", print)
    assert not folder.blend.exists()
    assert "blend" not in read(folder.report)["metrics"]


def test_a_damaged_adapter_is_not_blended(new_run: NewRun, tune: Any) -> None:
    folder = new_run(**USERS)
    tune(folder)
    write_json(folder.report, {**read(folder.report), "adapter_sha256": "0" * 64})
    with pytest.raises(UserError, match="damaged"):
        fit(folder, "cpu", print)


def test_the_process_says_what_it_does_and_the_weights_last(
    new_run: NewRun, tune: Any, home: Home, child: Any
) -> None:
    folder = new_run(**USERS)
    tune(folder)
    process = child(home, "promptrec_tui.tuning.blend_fit", folder.id)
    out, errors = process.communicate(timeout=300)
    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0, errors
    assert all(line.keys() == {"done", "total", "name"} for line in lines[:-1])
    assert len(lines) > 3
    assert lines[-1]["weights"] == read(folder.blend)["weights"]
    assert lines[-1]["gain"]["name"] in ("markov", "item_knn", "mixture", "tuned")
    gone = child(home, "promptrec_tui.tuning.blend_fit", "nothere")
    out, _ = gone.communicate(timeout=300)
    assert gone.returncode == 1
    assert "error" in json.loads(out.splitlines()[-1])
