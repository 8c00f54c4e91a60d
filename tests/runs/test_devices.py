import pytest

from promptrec_tui.runs.devices import Device, devices_for, slot_name, slot_path
from promptrec_tui.runs.gpus import Gpu

A, B = Gpu(0, "GPU-aa"), Gpu(1, "GPU-bb")


def names(setting, gpus=(), visible=None):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return [device.name for device in devices_for(setting, gpus, environment)]


def test_auto_is_any_gpu_that_is_visible():
    assert names("auto", [A, B]) == ["GPU-aa", "GPU-bb"]
    assert names("auto", [A, B], "1") == ["GPU-bb"]
    assert names("auto", [Gpu(0, "")]) == ["cuda:0"]


def test_auto_is_a_gpu_that_only_torch_knows_of():
    assert names("auto", [], "MIG-12") == ["cuda:0"]


@pytest.mark.parametrize("hidden", [None, "", "-1", " "])
def test_auto_is_no_gpu_when_none_is_visible(hidden):
    assert names("auto", [] if hidden is None else [A], hidden) in (["cpu"], ["mps"])


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("cpu", "cpu"),
        ("mps", "mps"),
        ("cuda", "GPU-bb"),
        ("cuda:1", "GPU-aa"),
        ("cuda:5", "cuda:5"),
        ("GPU-a", "GPU-aa"),
        ("GPU-unlisted", "GPU-unlisted"),
    ],
)
def test_a_setting_names_one_device(setting, name):
    assert names(setting, [A, B], "1,0") == [name]


def test_people_know_them_by_number():
    assert devices_for("cuda:1", [A, B], {}) == [Device("GPU-bb", "GPU 1", B)]
    assert devices_for("cpu")[0].label == "the CPU"


@pytest.mark.parametrize(
    ("device", "name"), [("cpu", "cpu"), ("cuda:3", "cuda-3"), ("GPU-8a/../b", "GPU-8a----b")]
)
def test_slots_are_plain_files_of_the_home(home, device, name):
    assert slot_name(device) == name
    assert slot_path(home, device) == home.slots / f"{name}.lock"
