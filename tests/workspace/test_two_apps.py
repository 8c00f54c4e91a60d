"""Two programs at work on one home: nothing is overwritten, and who comes second is told."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.queue import alone, asked_entry, enqueue
from promptrec_tui.runs.status import run_status
from promptrec_tui.store import templates as store
from promptrec_tui.workspace import control
from promptrec_tui.workspace import runs as run_verbs
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.new_runs import NewRun, make_spec
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.run_views import run_view
from promptrec_tui.workspace.runs import delete_run, refresh
from promptrec_tui.workspace.templates import (
    Template,
    list_templates,
    rename_template,
    save_edited,
    template_versions,
)

OWN = Template(
    "own", "next_item", "en", "{% for i in history %}{{ i.title }}{% endfor %}", "{{ item.title }}"
)


@pytest.fixture
def both(home: Home) -> Iterator[tuple[Workspace, Workspace]]:
    with opened(home) as one, opened(home) as other:
        yield one, other


@pytest.fixture
def paused(both: tuple[Workspace, Workspace], shop: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A paused run that both see; the queue stands still."""
    monkeypatch.setattr(run_verbs, "spawn_dispatch", lambda home: None)
    one, other = both
    import_source(one, shop / "events.csv", "shop", ImportOptions(items=shop / "items.csv"))
    folder = create_run(one.home, make_spec(one, NewRun("one", "shop", "next_item", "list", "tiny")))
    folder.attempt(1).path.mkdir()
    verdict = {"code": 0, "signal": None, "time": 1.0, "state": "paused", "reason": ""}
    write_json(folder.attempt(1).exit, verdict)
    refresh(one)
    refresh(other)
    return folder


def test_of_two_texts_of_one_template_both_are_kept_and_told(both: tuple[Workspace, Workspace]) -> None:
    one, other = both
    base = save_edited(one, OWN, "").row
    mine = save_edited(one, replace(OWN, completion="{{ item.title }}!"), base.id)
    theirs = save_edited(other, replace(OWN, completion="{{ item.title }}?"), base.id)
    assert (mine.row.version, mine.meanwhile) == (2, None)
    assert (theirs.row.version, theirs.meanwhile) == (3, mine.row)
    texts = [row.completion[-1] for row in template_versions(one, "own")]
    assert texts == ["}", "!", "?"]


def test_a_new_template_under_a_name_just_taken_is_refused(both: tuple[Workspace, Workspace]) -> None:
    one, other = both
    save_edited(one, OWN, "")
    with pytest.raises(UserError, match="'own' exists already: choose another name"):
        save_edited(other, replace(OWN, completion="{{ item.title }}?"), "")
    assert len(template_versions(other, "own")) == 1


def test_a_run_that_was_deleted_elsewhere_is_one_sentence(
    both: tuple[Workspace, Workspace], paused: RunFolder
) -> None:
    one, other = both
    assert run_view(other, paused.id).row.name == "one"
    delete_run(one, paused.id)
    for verb in (run_view, control.resume_run, control.stop_run, delete_run, run_verbs.log_path):
        with pytest.raises(UserError, match=f"no run called '{paused.id}'"):
            verb(other, paused.id)
    refresh(other)
    assert not paused.path.exists()


def test_a_run_that_is_claimed_while_it_is_being_deleted_stays(
    both: tuple[Workspace, Workspace], paused: RunFolder
) -> None:
    """Checking its state and acting on it are one step: whoever claims a run holds its queue lock."""
    one, _ = both
    with ThreadPoolExecutor() as pool, alone(paused):
        deletion = pool.submit(delete_run, one, paused.id)
        with pytest.raises(TimeoutError):
            deletion.result(timeout=0.3)
        paused.attempt(2).path.mkdir()
        write_json(paused.attempt(2).claim, {"device": "cpu", "slot": "cpu"})
        lock = take_lock(paused.lock)
    try:
        with pytest.raises(UserError, match="stop it before you delete it"):
            deletion.result()
        assert paused.spec_file.exists()
    finally:
        assert lock
        lock.release()


def test_of_two_new_names_for_one_template_the_first_holds(both: tuple[Workspace, Workspace]) -> None:
    one, other = both
    base = save_edited(one, OWN, "").row
    save_edited(one, replace(OWN, name="second"), "")
    with pytest.raises(UserError, match="'second' exists already"):
        store.rename_template(other.catalogue, base.id, "second")

    with ThreadPoolExecutor() as pool:
        renamed = [
            pool.submit(rename_template, workspace, "own", name)
            for workspace, name in zip(both, ("mine", "yours"), strict=True)
        ]
    errors = [str(error) for future in renamed if (error := future.exception())]
    assert len(errors) == 1
    assert "elsewhere a moment ago" in errors[0] or "no template called 'own'" in errors[0]
    names = {row.name for row in list_templates(one)}
    assert len(names & {"mine", "yours"}) == 1
    assert not names & {"own"}


def test_a_run_that_was_started_elsewhere_is_not_asked_for_again(
    both: tuple[Workspace, Workspace], paused: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = both
    before = run_status(paused)
    control.resume_run(one, paused.id)
    entry = asked_entry(paused)
    # The other has looked before, and asks a moment later.
    monkeypatch.setattr(control, "run_status", lambda folder: before)
    with pytest.raises(UserError, match="was started elsewhere a moment ago"):
        control.resume_run(other, paused.id)
    assert asked_entry(paused) == entry

    paused.attempt(2).path.mkdir()
    paused.queue_file.unlink()
    with pytest.raises(UserError, match="was started elsewhere a moment ago"):
        enqueue(paused, after=before.attempt)
    assert not paused.queue_file.exists(), "no third attempt waits behind the second"
