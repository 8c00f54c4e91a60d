"""What is left when the terminal goes away under the app, and what the next start makes of it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import FinishedEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.workspace.session import load_session
from tests.waiting import until

HOLD = """
import fcntl, sys
lock = open(sys.argv[1], "a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""

ESC = "\x1b[27u"


@pytest.fixture
def going(full_home: Home) -> Any:
    """The paused run of the home, going on: a process holds its lock until its stdin is closed."""
    folder = RunFolder(full_home.runs / "aaaa0002")
    attempt = folder.attempt(2)
    attempt.path.mkdir()
    write_json(attempt.started, {"time": time.time(), "supervisor": None, "trainer": None})
    command = [sys.executable, "-c", HOLD, str(folder.lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        if process.stdin and not process.stdin.closed:
            process.stdin.close()


def finish(home: Home, process: "subprocess.Popen[str]", state: str, reason: str) -> None:
    """End the run as its trainer and supervisor do."""
    folder = RunFolder(home.runs / "aaaa0002")
    with EventLog(folder, 2) as log:
        log.write(FinishedEvent(state=State(state), reason=reason, step=120))
    verdict = {"code": 0, "signal": None, "time": time.time(), "state": state, "reason": reason}
    write_json(folder.attempt(2).exit, verdict)
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def session_of(home: Home) -> dict[str, Any]:
    return load_session(home)


@pytest.mark.parametrize("end", ["hang up", "hang up under nohup", "SIGTERM"])
async def test_the_app_leaves_and_reopens_where_it_was(
    full_home: Home, going: Any, open_terminal: Any, screen_text: Any, end: str
) -> None:
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN if "nohup" in end else signal.SIG_DFL)
    terminal = open_terminal(home=full_home)
    signal.signal(signal.SIGHUP, usual)
    terminal.until("running")
    terminal.press("G\r")
    terminal.until("Curves")
    terminal.press("]")
    terminal.until("before")
    if "hang up" in end:
        terminal.hang_up()
    else:
        os.kill(terminal.pid, signal.SIGTERM)
    status = terminal.wait()
    assert status == 128 + (signal.SIGHUP if "hang up" in end else signal.SIGTERM)
    if end == "SIGTERM":
        assert b"\x1b[?1049l\x1b[?25h" in terminal.sent
        modes = termios.tcgetattr(terminal.end)
        assert modes[3] & termios.ICANON
        assert modes[3] & termios.ECHO
    assert going.poll() is None
    session = session_of(full_home)
    assert (session["run"], session["open"], session["tab"], session["left"]) == (
        "aaaa0002",
        True,
        "previews",
        True,
    )

    finish(full_home, going, "failed", "The disk is full: make room and resume.")
    write_json(full_home.session, {**session, "at": session["at"] - 3 * 3600})
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.tab == "previews")
        await until(pilot, lambda: app.news)
        assert app.news.startswith("While you were away (3 h): run 第二次 [/INST] failed at ")
        assert app.news.endswith(": The disk is full: make room and resume.")
        await until(pilot, lambda: "While you were away (3 h)" in screen_text(app))
        await pilot.press("j")
        await until(pilot, lambda: "While you were away" not in screen_text(app))
    again = PromptrecApp(full_home)
    async with again.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(again.screen, RunScreen) and again.screen.has_class("-loaded"))
        assert again.news == ""


async def test_a_screen_that_is_taken_away_while_it_opens_is_no_fault(full_home: Home) -> None:
    """By another one, and then by the end of the app."""
    for turns in range(12):
        app = PromptrecApp(full_home)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda app=app: app.runs)
            for run in ("aaaa0001", "aaaa0002"):
                app.open_run(run)
                for _ in range(turns):
                    await asyncio.sleep(0)
    assert not (full_home.root / "app.log").exists()


async def test_what_was_typed_into_a_form_is_there_after_a_hang_up(
    full_home: Home, open_terminal: Any
) -> None:
    terminal = open_terminal(home=full_home)
    terminal.until("Runs")
    terminal.press("2")
    terminal.until("films")
    terminal.press("i")
    terminal.until("file or folder")
    terminal.press("/data/my films.csv")
    terminal.until("films.csv")
    terminal.hang_up()
    assert terminal.wait() == 128 + signal.SIGHUP
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ImportScreen))
        await until(pilot, lambda: app.screen.values()["source"] == "/data/my films.csv")
        await pilot.press("escape")
    assert session_of(full_home)["form"] == ""


async def test_an_import_that_the_end_broke_off_is_told(
    empty_home: Home, tmp_path: Path, open_terminal: Any
) -> None:
    big = tmp_path / "big.csv"
    with open(big, "w") as file:
        file.write("user_id,item_id,timestamp\n")
        for user in range(20_000):
            file.writelines(f"u{user},i{item % 999},{item}\n" for item in range(user, user + 20))
    terminal = open_terminal(home=empty_home)
    terminal.until("No runs yet")
    terminal.press("2")
    terminal.until("No datasets")
    terminal.press("i")
    terminal.until("file or folder")
    terminal.press(str(big))
    terminal.until("big.csv")
    terminal.press("\x12")
    terminal.until("reading")
    terminal.hang_up()
    assert terminal.wait() == 128 + signal.SIGHUP
    assert not list(empty_home.datasets.iterdir())
    assert session_of(empty_home)["work"] == {"noun": "dataset", "name": "big"}
    app = PromptrecApp(empty_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.news)
        assert app.news.startswith("The dataset big was not finished when the app was closed")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen))
        await until(pilot, lambda: app.screen.values()["source"] == str(big))


def test_a_terminal_that_takes_nothing_and_then_hangs_up(full_home: Home, open_terminal: Any) -> None:
    """As a line that stalls before it breaks: the app waits in the middle of a write."""
    terminal = open_terminal(home=full_home, size=(200, 60))
    terminal.until("Runs")
    for keys in ("2", "3", "4", "1", "?", ESC) * 40:
        terminal.press(keys)
    time.sleep(1)
    terminal.hang_up()
    assert terminal.wait() == 128 + signal.SIGHUP


def test_after_a_kill_the_next_start_gives_the_terminal_back(full_home: Home, open_terminal: Any) -> None:
    first = open_terminal(home=full_home)
    first.until("Runs")
    first.until("first")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    modes = termios.tcgetattr(first.end)
    assert not modes[3] & termios.ICANON
    assert not json.loads(full_home.session.read_bytes())["left"]

    second = open_terminal(home=full_home)
    termios.tcsetattr(second.end, termios.TCSANOW, modes)
    second.until("Runs")
    second.press("\x11")
    assert second.wait() == 0
    modes = termios.tcgetattr(second.end)
    assert modes[3] & termios.ICANON
    assert modes[3] & termios.ECHO
    assert b"\x1b[<u" in second.sent.partition(b"\x1b[?1049h")[0]
    assert b"\x1b[?1049l" in second.sent
