"""The scorer: a child process that holds a base model and a run's adapter, and answers questions."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.launchers import environment
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import find_run


@dataclass(frozen=True)
class ScoredItem:
    """One recommended title; `logprob` = sum of log P over `token_ids`, the end token included (nats)."""

    key: str
    title: str
    logprob: float
    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """What the model recommends after a history, best first.

    `adapter`: "result", or the checkpoint whose weights were used; None for the untuned model.
    """

    prompt: str
    prompt_token_ids: tuple[int, ...]
    dropped: int
    items: tuple[ScoredItem, ...]
    adapter: str | None = None


class Scorer:
    """A live scorer. Its methods block; one thread at a time gets its answer."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path, device: str) -> None:
        self._process = process
        self._log = log
        self._lock = threading.Lock()
        self._number = 0
        self.device = device

    def top_k(
        self, history: Sequence[str], k: int = 10, untuned: bool = False, exclude_seen: bool = True
    ) -> Answer:
        """The k best items after a history of item keys.

        Raises UserError when the question cannot be answered or the scorer has ended.
        """
        reply = self.ask("top_k", history=list(history), k=k, untuned=untuned, exclude_seen=exclude_seen)
        return Answer(
            prompt=reply["prompt"],
            prompt_token_ids=tuple(reply["prompt_token_ids"]),
            dropped=reply["dropped"],
            items=tuple(
                ScoredItem(item["key"], item["title"], item["logprob"], tuple(item["token_ids"]))
                for item in reply["items"]
            ),
            adapter=reply["adapter"],
        )

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        with self._lock:
            self._number += 1
            stdin, stdout = _pipes(self._process)
            try:
                stdin.write(
                    json.dumps({"id": self._number, "verb": verb, **fields}, ensure_ascii=False) + "\n"
                )
                stdin.flush()
            except OSError:
                raise UserError(_ended(self._log)) from None
            reply = _read(stdout, self._log)
        if "error" in reply:
            raise UserError(reply["error"])
        return reply

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the child."""
        if self.alive:
            _pipes(self._process)[0].close()
            self._process.terminate()
        self._process.wait()


def open_scorer(workspace: Workspace, run: str) -> Scorer:
    """Start a scorer for a run and wait until its model is loaded (seconds).

    Raises UserError when it cannot load, or is of a task that recommends nothing.
    """
    row = find_run(workspace, run)
    if row.task == "classify":
        raise UserError(f"Run {row.name!r} gives texts their labels: it has no items to recommend.")
    log = workspace.home.runs / row.id / "scorer.log"
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "promptrec_tui.tuning.scorer", row.id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=environment(workspace.home),
            umask=0o077,
        )
    try:
        hello = _read(_pipes(process)[1], log)
        if "error" in hello:
            raise UserError(hello["error"])
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Scorer(process, log, hello["device"])


def _pipes(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _read(stdout: IO[str], log: Path) -> dict[str, Any]:
    line = stdout.readline()
    if not line:
        raise UserError(_ended(log))
    reply: dict[str, Any] = json.loads(line)
    return reply


def _ended(log: Path) -> str:
    return f"The scorer has ended unexpectedly: its last words are in {log}."
