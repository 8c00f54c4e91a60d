"""The workspace behind the app: opened, called and closed in threads of its own, never in the one that draws.

Screens call `await self.ask(workspace.datasets.list_datasets)`, where `workspace` is `lazy_workspace`. The
first call loads the workspace and all that it imports, after the first frame.
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
from promptrec_tui.tui.worker_thread import WorkerThread

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import Preview
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.runs import RunRow
    from promptrec_tui.workspace.scoring import Labelling, Ranking

P = ParamSpec("P")
T = TypeVar("T")

CLOSING_SECONDS = 2.0
"""How long closing waits for the job that runs."""


class Backend:
    """One home, with a thread each for catalogue, scorer, session file, and what takes long to read."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._catalogue = WorkerThread("catalogue")
        self._scoring = WorkerThread("scoring")
        self._session = WorkerThread("session")
        self._sources = WorkerThread("sources")
        self._opening = Lock()
        self._workspace: Workspace | None = None
        self._opened_before = False
        self._trier = Trier()

    async def ask(
        self, function: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **options: P.kwargs
    ) -> T:
        """The result of `function(workspace, …)`; what it raises is raised."""
        return await asyncio.wrap_future(self.soon(function, *args, **options))

    def soon(
        self, function: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **options: P.kwargs
    ) -> "Future[T]":
        """Call `function(workspace, …)` after all calls before it; `close` waits for it.

        After CatalogueGoneError the next call opens the home again, unless the whole home is gone: a home
        that was moved must not be replaced by an empty one.
        """

        def call() -> T:
            try:
                return function(self._opened(), *args, **options)
            except CatalogueGoneError:
                self._close()
                raise

        return self._catalogue.submit(call)

    async def ask_aside(
        self, function: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **options: P.kwargs
    ) -> T:
        """The same for what takes seconds and only reads: other calls do not wait for it."""
        return await asyncio.wrap_future(
            self._sources.submit(lambda: function(self._opened(), *args, **options))
        )

    async def recommend(self, run: "RunRow", history: list[str]) -> "Tried[Ranking]":
        """The best items of a run's model after some item keys, untuned and tuned.

        Raises UserError when no scorer can be started.
        """
        return await asyncio.wrap_future(
            self._scoring.submit(lambda: self._trier.recommend(self._opened(), run, history))
        )

    async def blend(self, run: "RunRow", history: list[str]) -> "Ranking | None":
        """The best items by a run's blend; None where it has none. Raises UserError as `recommend` does."""
        return await asyncio.wrap_future(
            self._scoring.submit(lambda: self._trier.blend(self._opened(), run, history))
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
        dialect: tuple[str, bool | None, bool, str, str] = ("auto", None, False, "auto", "auto"),
        splits: dict[str, str] | None = None,
    ) -> "Preview":
        """How a file or folder would be imported.

        `dialect`: quoting, whether there is a header, whether bad rows are skipped, order of dates,
        separator. `splits`: the split that each name in the source stands for.
        """

        def read() -> "Preview":
            from promptrec_tui.workspace.datasets import Dialect, ImportOptions, preview

            options = ImportOptions(format, items, mapping, encoding, Dialect(*dialect), splits or {})
            return preview(self._opened(), source, options)

        return await asyncio.wrap_future(self._sources.submit(read))

    def keep_session(self, session: dict[str, Any]) -> "Future[None]":
        """Save a session, unless there is no home yet. A full disk is not reported."""

        def save() -> None:
            from promptrec_tui.workspace.session import save_session

            with suppress(OSError):
                if self.home.root.is_dir():
                    save_session(self.home, session)

        return self._session.submit(save)

    def keep_list(self, rows: dict[str, Any]) -> "Future[None]":
        """Save the rows that the list of runs shows, as `keep_session` does."""

        def save() -> None:
            from promptrec_tui.workspace.session import save_list

            with suppress(OSError):
                if self.home.root.is_dir():
                    save_list(self.home, rows)

        return self._session.submit(save)

    def close(self) -> None:
        """End the scorer, and wait a moment for the running call to the catalogue."""
        self._trier.close()
        last_jobs = [self._catalogue.submit(self._close), self._session.submit(lambda: None)]
        for job in last_jobs:
            with suppress(TimeoutError):
                job.result(CLOSING_SECONDS)

    def _opened(self) -> "Workspace":
        with self._opening:
            if self._workspace is None:
                if self._opened_before and not self.home.root.exists():
                    raise UserError(
                        f"The home folder {self.home.root} is gone: put it back, or quit promptrec and "
                        "start it again."
                    )
                from promptrec_tui.workspace.opening import open_workspace

                self._workspace = open_workspace(self.home)
                self._opened_before = True
            return self._workspace

    def _close(self) -> None:
        with self._opening:
            if self._workspace:
                self._workspace.catalogue.close()
                self._workspace = None
