import pytest

from promptrec_tui.runs.devices import auto_device, slot_name, slot_path


def test_a_visible_gpu_is_taken_first(tmp_path):
    gpus = tmp_path / "gpus"
    (gpus / "0000:01:00.0").mkdir(parents=True)
    assert auto_device({}, gpus) == "cuda:0"
    assert auto_device({"CUDA_VISIBLE_DEVICES": "1"}, tmp_path / "none") == "cuda:0"


@pytest.mark.parametrize("hidden", ["", "-1", " "])
def test_a_hidden_gpu_is_not(tmp_path, hidden):
    gpus = tmp_path / "gpus"
    (gpus / "0000:01:00.0").mkdir(parents=True)
    assert auto_device({"CUDA_VISIBLE_DEVICES": hidden}, gpus) in ("cpu", "mps")
    assert auto_device({}, tmp_path / "none") in ("cpu", "mps")


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("cpu", "cpu"),
        ("mps", "mps"),
        ("cuda", "cuda-0"),
        ("cuda:3", "cuda-3"),
        ("GPU-8a/../b", "GPU-8a----b"),
    ],
)
def test_slots_are_plain_files_of_the_home(home, device, name):
    assert slot_name(device) == name
    assert slot_path(home, device) == home.slots / f"{name}.lock"


def test_auto_shares_the_slot_of_what_it_means():
    assert slot_name("auto") == slot_name(auto_device())
