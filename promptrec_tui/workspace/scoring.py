"""The client of the scorer, a child process that holds a run's model and answers requests."""

import shlex
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

from promptrec_tui.errors import UserError
from promptrec_tui.serving.messages import Classify, Ready, Request, TopK, read_answer, read_object, write
from promptrec_tui.serving.messages import Labelling as Labelling
from promptrec_tui.serving.messages import Ranking as Ranking
from promptrec_tui.serving.messages import ScoredItem as ScoredItem
from promptrec_tui.serving.messages import ScoredText as ScoredText
from promptrec_tui.store.runs import RunRow
from promptrec_tui.tasks.defaults import case_noun
from promptrec_tui.text import clean
from promptrec_tui.typed import Count
from promptrec_tui.workspace.child_processes import start_child
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import find_run, run_folder

A = TypeVar("A")

USAGES = {
    "user": ("recommends items to users", "recommend {} --user KEY"),
    "text": ("gives texts their labels", "classify {} TEXT"),
}
"""What the model of a run does, and the command that asks it, by the noun of a case."""


class Scorer:
    """A running scorer. Its methods block; one thread at a time is served.

    They raise UserError when the request cannot be answered or the scorer has ended.
    """

    def __init__(self, process: "subprocess.Popen[str]", log: Path, device: str) -> None:
        self._process = process
        self._log = log
        self._lock = threading.Lock()
        self._number = 0
        self.device = device

    def top_k(
        self,
        history: Sequence[str],
        k: int = 10,
        untuned: bool = False,
        exclude_seen: bool = True,
        blend: bool = False,
        require: Sequence[tuple[str, str]] = (),
        exclude: Sequence[tuple[str, str]] = (),
        at_most: Mapping[str, int] | None = None,
        block: Sequence[str] = (),
        popularity_penalty: float = 0.0,
    ) -> Ranking:
        """The k best items after a history of item keys, under the rules of `TopK`."""
        request = TopK(
            tuple(history),
            Count(k),
            untuned=untuned,
            exclude_seen=exclude_seen,
            blend=blend,
            require=tuple(require),
            exclude=tuple(exclude),
            at_most={name: Count(limit) for name, limit in (at_most or {}).items()},
            block=tuple(block),
            popularity_penalty=popularity_penalty,
        )
        return self.ask(request, Ranking)

    def classify(self, texts: Sequence[str], untuned: bool = False) -> Labelling:
        """The label of each text, and the probabilities of all labels."""
        return self.ask(Classify(tuple(texts), untuned), Labelling)

    def ask(self, request: Request, kind: type[A]) -> A:
        """Send one request and wait for its answer, which has the type `kind`."""
        with self._lock:
            self._number += 1
            stdin, stdout = _pipes(self._process)
            try:
                stdin.write(write(request, id=self._number, verb=request.verb) + "\n")
                stdin.flush()
            except OSError:
                raise UserError(_ended(self._log)) from None
            return _read(stdout, self._log, kind)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the child."""
        if self.alive:
            _pipes(self._process)[0].close()
            self._process.terminate()
        self._process.wait()


def find_asked(workspace: Workspace, run: str, noun: str) -> RunRow:
    """The run of that name or id, to be asked about a `noun`: the user or the text of a case.

    Raises UserError for an unknown run, and for one that is asked otherwise, with the command that does.
    """
    row = find_run(workspace, run)
    if case_noun(row.task) != noun:
        does, command = USAGES[case_noun(row.task)]
        usage = command.format(shlex.quote(clean(row.name)))
        raise UserError(f'Run {row.name!r} {does}: ask it with "promptrec {usage}".')
    return row


def counted_items(workspace: Workspace, run: str) -> int:
    """The K of a run's metrics: so many recommendations count."""
    return run_folder(workspace, run).spec().settings.evaluation.k


def open_scorer(workspace: Workspace, run: str) -> Scorer:
    """Start a scorer for a run and wait until its model is loaded (seconds).

    Raises UserError when it cannot load.
    """
    row = find_run(workspace, run)
    log = workspace.home.runs / row.id / "scorer.log"
    process = start_child(workspace, "promptrec_tui.serving.stdio", row.id, log=log)
    try:
        ready = _read(_pipes(process)[1], log, Ready)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Scorer(process, log, ready.device)


def _pipes(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _read(stdout: IO[str], log: Path, kind: type[A]) -> A:
    line = stdout.readline()
    if not line:
        raise UserError(_ended(log))
    return read_answer(kind, read_object(line))


def _ended(log: Path) -> str:
    return f"The scorer has ended unexpectedly: its last output is in {log}."
