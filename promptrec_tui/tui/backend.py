"""The one place where the app touches the workspace: never in the thread that draws.

Screens call `await self.ask(verbs.datasets)`. The workspace and all that it imports are loaded by the first
question, in the lane's thread, after the first frame.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from promptrec_tui.errors import CatalogueGoneError, UserError
from promptrec_tui.home import Home
from promptrec_tui.tui.trying import Tried, Trier
from promptrec_tui.tui.worker_thread import Lane

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import Preview
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.runs import RunRow
    from promptrec_tui.workspace.scoring import Labelling, Ranking

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS = 2.0


class Backend:
    """A thread-safe door to one home, a lane each for catalogue, scorer, session and foreign files."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._catalogue = Lane("catalogue")
        self._scoring = Lane("scoring")
        self._keeping = Lane("session")
        self._looking = Lane("looking")
        self._opening = Lock()
        self._workspace: Workspace | None = None
        self._known = False
        self._trier = Trier()

    async def ask(
        self, verb: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **options: P.kwargs
    ) -> T:
        """What `verb(workspace, …)` answers, or raises.

        After CatalogueGoneError the next question opens the home anew, unless the whole home is gone: an
        empty one in its place would be hardly what somebody wants who has moved it.
        """

        def answer() -> T:
            try:
                return verb(self._opened(), *args, **options)
            except CatalogueGoneError:
                self._close()
                raise

        return await asyncio.wrap_future(self._catalogue.submit(answer))

    async def recommend(self, run: "RunRow", history: list[str], k: int = 10) -> "Tried[Ranking]":
        """The k best items of a run's model after some item keys, untuned and tuned.

        Raises UserError when no scorer can be started.
        """
        return await asyncio.wrap_future(
            self._scoring.submit(lambda: self._trier.recommend(self._opened(), run, history, k))
        )

    async def classify(self, run: "RunRow", text: str) -> "Tried[Labelling]":
        """The label of a text by a run's model, untuned and tuned. Raises UserError as `recommend` does."""
        return await asyncio.wrap_future(
            self._scoring.submit(lambda: self._trier.classify(self._opened(), run, text))
        )

    async def preview(
        self,
        source: Path,
        format: str,
        items: Path | None,
        mapping: dict[str, str],
        encoding: str | None,
        form: tuple[str, bool | None, bool, str, str] = ("auto", None, False, "auto", "auto"),
        splits: dict[str, str] | None = None,
    ) -> "Preview":
        """How a file or folder would be imported.

        `form`: quoting, has it a header, skip bad rows, dates, separator; `splits`: what their names mean.
        """

        def look() -> "Preview":
            from promptrec_tui.workspace.datasets import Dialect, ImportOptions, preview

            options = ImportOptions(format, items, mapping, encoding, Dialect(*form), splits or {})
            return preview(self._opened(), source, options)

        return await asyncio.wrap_future(self._looking.submit(look))

    def keep_session(self, session: dict[str, Any]) -> "Future[None]":
        """Save a session, unless there is no home yet. It is not worth a word when the disk is full."""

        def save() -> None:
            from promptrec_tui.workspace.session import save_session

            with suppress(OSError):
                if self.home.root.is_dir():
                    save_session(self.home, session)

        return self._keeping.submit(save)

    def close(self) -> None:
        """End the scorer, and give the catalogue a moment to finish what it is at."""
        self._trier.close()
        endings = [self._catalogue.submit(self._close), self._keeping.submit(lambda: None)]
        for ending in endings:
            with suppress(TimeoutError):
                ending.result(PATIENCE_SECONDS)

    def _opened(self) -> "Workspace":
        with self._opening:
            if self._workspace is None:
                if self._known and not self.home.root.exists():
                    raise UserError(
                        f"The home folder {self.home.root} is gone: put it back, or leave promptrec and "
                        "start it anew."
                    )
                from promptrec_tui.workspace.opening import open_workspace

                self._workspace = open_workspace(self.home)
                self._known = True
            return self._workspace

    def _close(self) -> None:
        with self._opening:
            if self._workspace:
                self._workspace.catalogue.close()
                self._workspace = None
