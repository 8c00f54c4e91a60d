import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, write_json
from promptrec_tui.runs.checkpoints import (
    MANIFEST,
    checkpoint_path,
    newest_verified,
    publish,
    quarantine_damaged,
    rotate,
    verify,
)


def write_files(run, step):
    path = checkpoint_path(run, step)
    (path / "inner").mkdir(parents=True)
    (path / "adapter_model.safetensors").write_bytes(bytes(range(200)))
    (path / "optimizer.pt").write_bytes(b"optimizer")
    (path / "inner" / "rng.pth").write_bytes(b"")
    return path


@pytest.fixture
def save(run):
    def save(step, **extra):
        write_files(run, step)
        return publish(run, step, extra)

    return save


def test_what_is_published_verifies(run, save):
    made = save(5, best_value=0.25)
    assert made.path == checkpoint_path(run, 5)
    assert verify(made.path) == made
    assert made.extra == {"best_value": 0.25}
    assert newest_verified(run) == made


def test_without_a_manifest_it_does_not_count(run, save):
    save(5)
    write_files(run, 10)
    with pytest.raises(UserError, match="incomplete"):
        verify(checkpoint_path(run, 10))
    assert newest_verified(run).step == 5


def damages():
    yield "flipped bit", lambda path: flip(path / "adapter_model.safetensors")
    yield "zero bytes", lambda path: (path / "adapter_model.safetensors").write_bytes(b"")
    yield "one byte short", lambda path: (path / "adapter_model.safetensors").write_bytes(bytes(range(199)))
    yield "missing optimizer", lambda path: (path / "optimizer.pt").unlink()
    yield "missing empty file", lambda path: (path / "inner" / "rng.pth").unlink()
    yield "planted file", lambda path: (path / "training_args.bin").write_bytes(b"x")
    yield "torn manifest", lambda path: (path / MANIFEST).write_bytes((path / MANIFEST).read_bytes()[:-9])
    yield "empty manifest", lambda path: (path / MANIFEST).write_bytes(b"")
    yield "another step", lambda path: write_json(path / MANIFEST, {**read_json(path / MANIFEST), "step": 9})
    yield "manifest is a list", lambda path: (path / MANIFEST).write_bytes(b"[]")
    yield (
        "newer format",
        lambda path: write_json(path / MANIFEST, {**read_json(path / MANIFEST), "format": 2}),
    )
    yield (
        "other run",
        lambda path: write_json(path / MANIFEST, {**read_json(path / MANIFEST), "spec": "0" * 64}),
    )


def flip(path):
    data = bytearray(path.read_bytes())
    data[77] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [pytest.param(act, id=name) for name, act in damages()])
def test_every_damage_is_seen_and_the_one_before_is_used(run, save, damage):
    save(5)
    damage(save(10).path)
    with pytest.raises(UserError):
        verify(checkpoint_path(run, 10))
    assert newest_verified(run).step == 5
    assert checkpoint_path(run, 10).exists()
    [moved] = quarantine_damaged(run)
    assert moved.parent == run.quarantine
    assert not checkpoint_path(run, 10).exists()
    assert newest_verified(run).step == 5
    assert quarantine_damaged(run) == []


def test_publishing_again_takes_the_files_as_they_are_now(run, save):
    path = save(5).path
    (path / "optimizer.pt").write_bytes(b"later")
    publish(run, 5)
    assert verify(path).step == 5


def test_publishing_nothing_is_an_error(run):
    with pytest.raises(FileNotFoundError):
        publish(run, 5)


def test_steps_are_numbers_not_names(run, save):
    save(9)
    save(10)
    assert newest_verified(run).step == 10


def test_rotation_keeps_the_last_two_and_the_best(run, save):
    for step in (2, 4, 6, 8, 10):
        save(step)
    write_files(run, 12)
    assert rotate(run, keep={4}) == [2, 6]
    left = {path.name for path in run.checkpoints.iterdir()}
    assert left == {"checkpoint-4", "checkpoint-8", "checkpoint-10", "checkpoint-12"}
    assert rotate(run, keep={4}) == []


def test_no_checkpoints_at_all(run):
    assert newest_verified(run) is None
    assert rotate(run) == []
    run.checkpoints.rmdir()
    assert newest_verified(run) is None
