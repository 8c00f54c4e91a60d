import pytest

from promptrec_tui.runs.gpus import GIB, Gpu
from promptrec_tui.runs.logout import Survival
from promptrec_tui.workspace import doctor
from promptrec_tui.workspace.doctor import examine


def findings(home, monkeypatch, gpus):
    monkeypatch.setattr(doctor, "installed_gpus", lambda: gpus)
    return {finding.check: finding for finding in examine(home)}


def test_the_room_on_each_gpu_is_told(home, monkeypatch):
    checks = findings(home, monkeypatch, [Gpu(0, "GPU-a", 80 * GIB, 19 * GIB), Gpu(1, "GPU-b", 80 * GIB)])
    assert checks["GPUs"].finding == "GPU 0 19 of 80 GiB free, GPU 1 0 of 80 GiB free"


def test_a_gpu_whose_memory_is_not_seen_is_no_fault_but_told(home, monkeypatch):
    monkeypatch.setattr(doctor, "nvml_trouble", lambda: "nvidia-ml-py is not installed.")
    check = findings(home, monkeypatch, [Gpu(0, "")])["GPUs"]
    assert check.ok
    assert check.finding == "1; what others use of them is not seen. nvidia-ml-py is not installed."


@pytest.mark.parametrize(("answer", "ok"), [("yes", True), ("unknown", True), ("no", False)])
def test_runs_that_end_with_a_login_are_a_finding(home, monkeypatch, answer, ok):
    monkeypatch.setattr(doctor, "survival_from_here", lambda: Survival(answer, "So it is."))
    checks = findings(home, monkeypatch, [])
    assert "GPUs" not in checks
    assert (checks["survives logout"].ok, checks["survives logout"].finding) == (ok, f"{answer}: So it is.")
