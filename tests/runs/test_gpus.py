"""GPUs as a stand-in for NVML tells of them, in a process that finds it as it would the real one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from promptrec_tui.runs.gpus import (
    GIB,
    Gpu,
    crowded,
    find_gpu,
    installed_gpus,
    memory_needed,
    nvml_trouble,
    visible_gpus,
)

NVML = """
import json, os
from types import SimpleNamespace as Bag
class NVMLError(Exception): pass
gpus = json.loads(os.environ["FAKE_GPUS"])
def nvmlInit():
    if gpus == "broken":
        raise NVMLError("Driver/library version mismatch")
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return len(gpus)
def nvmlDeviceGetHandleByIndex(index): return gpus[index]
def nvmlDeviceGetUUID(gpu): return gpu["uuid"]
def nvmlDeviceGetMemoryInfo(gpu): return Bag(total=gpu["total"], free=gpu["free"])
def nvmlDeviceGetComputeRunningProcesses(gpu):
    if gpu["users"] is None:
        raise NVMLError("Not Supported")
    return [Bag(pid=pid) for pid in gpu["users"]]
"""

ASK = """
import json
from dataclasses import asdict
from pathlib import Path
from promptrec_tui.runs.gpus import installed_gpus, nvml_trouble
print(json.dumps([[asdict(gpu) for gpu in installed_gpus(Path("nowhere"))], nvml_trouble()]))
"""

A = "GPU-aaaaaaaa-0000-0000-0000-000000000000"
B = "GPU-bbbbbbbb-0000-0000-0000-000000000000"
GPUS = [Gpu(0, A), Gpu(1, B), Gpu(2, "")]


def ask(folder: Path, gpus: object) -> tuple[list[dict[str, object]], str]:
    (folder / "pynvml.py").write_text(NVML)
    surroundings = {**os.environ, "PYTHONPATH": str(folder), "FAKE_GPUS": json.dumps(gpus)}
    answer = subprocess.run(
        [sys.executable, "-c", ASK], env=surroundings, capture_output=True, text=True, check=True
    )
    listed, trouble = json.loads(answer.stdout)
    return listed, trouble


def test_nvml_tells_of_every_gpu(tmp_path):
    card = {"uuid": A, "total": 80 * GIB, "free": 19 * GIB, "users": [1, 2]}
    gpus, trouble = ask(tmp_path, [card, {**card, "uuid": B, "users": None}])
    assert trouble == ""
    assert gpus[0] == {**card, "index": 0}
    assert (gpus[1]["index"], gpus[1]["uuid"], gpus[1]["users"]) == (1, B, [])


def test_a_broken_nvml_is_told_and_blocks_nothing(tmp_path):
    gpus, trouble = ask(tmp_path, "broken")
    assert gpus == []
    assert trouble == "NVML does not answer: Driver/library version mismatch."


def test_a_missing_nvml_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "pip install 'promptrec-tui[gpu]'" in nvml_trouble()


def test_without_nvml_the_driver_lists_the_gpus(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for bus, text in (("0000:41:00.0", "GPU UUID: GPU-????????"), ("0000:01:00.0", f"GPU UUID: \t {A}\n")):
        (tmp_path / bus).mkdir()
        (tmp_path / bus / "information").write_text(text)
    assert installed_gpus(tmp_path) == [Gpu(0, A), Gpu(1, "")]
    assert installed_gpus(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("shown", "indices"),
    [
        (None, [0, 1, 2]),
        ("2,0", [2, 0]),
        (f" {B} , 0", [1, 0]),
        ("GPU-bb", [1]),
        ("0,7,1", [0]),
        ("", []),
        ("-1", []),
        ("MIG-1", []),
    ],
)
def test_what_cuda_would_see(shown, indices):
    environment = {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown}
    assert [gpu.index for gpu in visible_gpus(GPUS, environment)] == indices


def test_a_gpu_is_found_by_the_beginning_of_its_uuid():
    assert find_gpu(GPUS, "GPU-bbb") == GPUS[1]
    assert find_gpu(GPUS, "GPU-c") is None


def test_the_estimate_comes_from_the_weights(tmp_path):
    assert memory_needed(tmp_path) == 0
    assert memory_needed(tmp_path / "none") == 0
    for number in (1, 2):
        (tmp_path / f"model-{number}.safetensors").write_bytes(bytes(1000))
    assert memory_needed(tmp_path) == 3000 + 2 * GIB


@pytest.mark.parametrize(
    ("config", "weights"),
    [
        ('{"dtype": "bfloat16"}', 2000),
        ('{"torch_dtype": "float16"}', 2000),
        ('{"dtype": "float32"}', 1000),
        ("{}", 1000),
        ("[]", 1000),
        ("torn", 1000),
    ],
)
def test_weights_of_16_bits_take_twice_their_file_in_fp32(tmp_path, config, weights):
    (tmp_path / "model.safetensors").write_bytes(bytes(1000))
    (tmp_path / "config.json").write_text(config)
    assert memory_needed(tmp_path, "fp32") == weights * 3 // 2 + 2 * GIB
    assert memory_needed(tmp_path) == memory_needed(tmp_path, "bf16") == 1500 + 2 * GIB


def test_there_is_room_or_it_is_told_who_has_it():
    card = Gpu(0, A, 80 * GIB, 19 * GIB)
    assert crowded(card, 19 * GIB) == ""
    assert crowded(card, 20 * GIB) == "61 GiB are used by another program, and about 20 GiB are needed"
    mine = Gpu(0, A, 80 * GIB, 19 * GIB, (os.getpid(),))
    assert "by another program of yours" in crowded(mine, 20 * GIB)


def test_an_empty_gpu_is_tried_whatever_the_estimate_says():
    assert crowded(Gpu(0, A, 8 * GIB, 8 * GIB - 1), 20 * GIB) == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may have a process of another user")
def test_another_user_is_called_so():
    with subprocess.Popen(["/bin/sleep", "60"], user=65534) as process:
        crowd = crowded(Gpu(0, A, 80 * GIB, 19 * GIB, (process.pid, os.getpid())), 20 * GIB)
        process.kill()
    assert crowd.startswith("61 GiB are used by another user")


@pytest.mark.parametrize(
    ("tuning", "config", "share"),
    [
        ({"method": "lora", "rank": 4}, "{}", 0),
        ({"method": "full"}, "{}", 1),
        ({"method": "last_layers", "layers": 3}, '{"num_hidden_layers": 12}', 0.25),
        ({"method": "last_layers", "layers": 3}, '{"n_layer": 6}', 0.5),
        ({"method": "last_layers", "layers": 3}, "torn", 1),
    ],
)
def test_weights_that_train_take_a_gradient_and_two_moments(tmp_path, tuning, config, share):
    (tmp_path / "model.safetensors").write_bytes(bytes(1000))
    (tmp_path / "config.json").write_text(config)
    assert memory_needed(tmp_path, "auto", tuning) == 1500 + 3000 * share + 2 * GIB
