from promptrec_tui.files import read_json
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import AckEvent
from promptrec_tui.runs.requests import pending, request, requests

ASK = """
import sys, time
from pathlib import Path
from promptrec_tui.runs.requests import request
from promptrec_tui.runs.folder import RunFolder
folder, go = RunFolder(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
while not go.exists(): pass
print(*[request(folder, "checkpoint") for _ in range(30)])
"""


def test_a_request_waits_for_its_ack(run):
    run.attempt(1).path.mkdir()
    assert request(run, "checkpoint") == 1
    assert request(run, "pause") == 2
    assert [(item.number, item.command) for item in pending(run)] == [(1, "checkpoint"), (2, "pause")]
    assert [item.number for item in pending(run, {1})] == [2]
    with EventLog(run, 1) as log:
        log.write(AckEvent(control=2, command="pause", result="ok"))
    assert [item.number for item in pending(run)] == [1]


def test_a_new_attempt_does_not_obey_the_old_requests(run):
    run.attempt(1).path.mkdir()
    request(run, "pause")
    run.attempt(2).path.mkdir()
    assert pending(run) == []
    assert request(run, "stop") == 2
    assert [item.command for item in pending(run)] == ["stop"]


def test_damaged_and_foreign_files_are_passed_over(run):
    run.attempt(1).path.mkdir()
    (run.control / "0001.json").write_text("{")
    (run.control / "0002.json").write_text('{"command": "dance", "attempt": 1}')
    (run.control / "notes.json").write_text("{}")
    assert requests(run, 1) == []
    assert request(run, "stop") == 3


def test_two_processes_never_share_a_number(run, python, tmp_path):
    run.attempt(1).path.mkdir()
    go = tmp_path / "go"
    askers = [python(ASK, run.path, go) for _ in range(2)]
    for asker in askers:
        assert asker.stdout.readline() == "ready\n"
    go.touch()
    numbers = [int(word) for asker in askers for word in asker.stdout.read().split()]
    assert sorted(numbers) == list(range(1, 61))
    assert {path.name for path in run.control.iterdir()} == {f"{number:04d}.json" for number in numbers}
    assert all(read_json(path)["command"] == "checkpoint" for path in run.control.iterdir())
