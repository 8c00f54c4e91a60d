import pytest
from pydantic import ValidationError

from promptrec_tui.errors import UserError
from promptrec_tui.runs import folder as folders
from promptrec_tui.runs.folder import RunFolder, create_run, find, run_folders
from promptrec_tui.runs.spec import RunSpec


def test_a_created_run_is_found_with_its_spec(home, run, make_spec):
    assert run.spec() == make_spec("r1")
    assert find(home, "r1") == run
    assert run_folders(home) == [run]
    assert run.home == home
    assert run.last_attempt == 0
    assert run.path.stat().st_mode & 0o077 == 0


def test_a_taken_id_is_refused_and_the_old_run_stays(home, run, make_spec):
    (run.result).mkdir()
    with pytest.raises(UserError, match="r1"):
        create_run(home, make_spec("r1"))
    assert run.result.is_dir()
    assert [path.name for path in home.runs.iterdir()] == ["r1"]


def test_a_failed_creation_leaves_nothing(home, make_spec, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "write_atomic", full)
    with pytest.raises(UserError, match="No space left"):
        create_run(home, make_spec("r1"))
    assert list(home.runs.iterdir()) == []


@pytest.mark.parametrize("run_id", ["nobody", "../r1", ".r1", "", "r1/../r1"])
def test_an_unknown_run_is_one_sentence(home, run, run_id):
    with pytest.raises(UserError, match="There is no run"):
        find(home, run_id)


def test_half_made_and_foreign_folders_are_no_runs(home, run):
    (home.runs / ".r2.1.staging").mkdir()
    (home.runs / "notes").mkdir()
    assert run_folders(home) == [run]


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 2}'])
def test_a_damaged_spec_is_one_sentence(run, content):
    run.spec_file.write_bytes(content)
    with pytest.raises(UserError, match="damaged or was written by a newer"):
        run.spec()


def test_attempts_are_numbers_not_names(run):
    for name in ("10", "9", "1", "tmp"):
        run.attempt(1).path.with_name(name).mkdir()
    assert run.attempts() == [1, 9, 10]
    assert run.last_attempt == 10
    assert run.attempt(10).number == 10


def test_a_folder_without_attempts_has_none(tmp_path):
    assert RunFolder(tmp_path).attempts() == []


def test_a_place_that_cannot_be_written_is_told(home, make_run):
    home.runs.rmdir()
    home.runs.touch()
    with pytest.raises(UserError, match="Cannot make a run in"):
        make_run("r9")


def test_spec_survives_json_and_is_frozen(make_spec):
    spec = make_spec("a1")
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec
    with pytest.raises(ValidationError):
        spec.name = "other"


@pytest.mark.parametrize("run_id", ["../x", "", "A", "a/b", ".a", "a" * 64, "a\n"])
def test_ids_that_are_no_folder_names_are_refused(make_spec, run_id):
    with pytest.raises(ValidationError):
        make_spec(run_id)
