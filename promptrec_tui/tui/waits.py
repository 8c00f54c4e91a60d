"""What the app waits for: told in the top bar after a moment, with its seconds, until it is over or left."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

TOLD_SECONDS = 0.3
LEAVE_SECONDS = 1.0
"""After this long a person can leave a wait."""

REFRESH_SECONDS = 3.0
"""A refresh of what is on the screen already is told only when it takes this long."""

BEAT_SECONDS = 0.5

WORDS: Mapping[str, str] = {
    "compare.compare_runs": "resampling users",
    "compare_views.compare_view": "reading the runs",
    "control.answer": "asking the trainer",
    "control.checkpoint_run": "asking for a checkpoint",
    "control.kill_run": "ending the run",
    "control.pause_run": "pausing the run",
    "control.resume_run": "queuing the run",
    "control.stop_run": "stopping the run",
    "datasets.dataset_examples": "reading texts",
    "datasets.dataset_rows": "reading interactions",
    "datasets.dataset_users": "looking for users",
    "datasets.delete_dataset": "deleting the dataset",
    "datasets.find_titles": "looking for titles",
    "datasets.list_datasets": "reading the datasets",
    "datasets.user_profile": "reading a history",
    "demo.start_demo": "reading the sample data",
    "drafts.keep_draft": "keeping the draft",
    "estimate.estimate": "estimating the run",
    "home_view.home_view": "looking at the machine",
    "labels.archive_runs": "changing the run",
    "labels.note_run": "changing the run",
    "labels.pin_runs": "changing the run",
    "labels.rename_run": "changing the run",
    "labels.tag_runs": "changing the run",
    "models.check_listed": "checking the model",
    "models.find_model": "reading the base models",
    "models.list_models": "reading the base models",
    "named.named": "looking for names",
    "new_runs.start_run": "queuing the run",
    "preferences.save_preferences": "writing the preferences",
    "queue.hold_run": "changing the queue",
    "queue.move_run": "changing the queue",
    "queue.release_run": "changing the queue",
    "queue.set_after_failure": "changing the queue",
    "queue.set_priority": "changing the queue",
    "queue.spawn_dispatch": "changing the queue",
    "rendering.datasets_by_task": "reading the datasets",
    "rendering.neighbour": "looking for a row",
    "rendering.render_draft": "rendering the template",
    "rendering.render_template": "rendering the template",
    "run_config.new_command": "writing the command",
    "run_config.run_config": "reading the config",
    "run_forms.continuation": "reading the run",
    "run_forms.derived_defaults": "reading the defaults",
    "run_forms.fork": "reading the run",
    "run_forms.run_choices": "reading what there is",
    "run_forms.run_defaults": "reading the defaults",
    "run_logs.find_in_log": "searching the log",
    "run_logs.log_after": "reading the log",
    "run_logs.log_before": "reading the log",
    "run_logs.log_end": "reading the log",
    "run_logs.log_news": "reading the log",
    "run_views.curve_range": "reading the curves",
    "run_views.curves": "reading the curve",
    "run_views.refreshed_runs": "reading the runs",
    "run_views.run_view": "reading the run",
    "runs.delete_run": "deleting the run",
    "session_news.welcome": "reading the news",
    "template_editing.save_edited": "saving the template",
    "template_editing.template_to_edit": "reading the template",
    "templates.find_template": "reading the templates",
    "templates.list_templates": "reading the templates",
    "templates.read_toml": "reading the template",
    "templates.rename_template": "renaming the template",
    "templates.template_to_toml": "writing the template",
    "versions.template_versions": "reading the versions",
    "versions.version_diff": "comparing the versions",
}
"""What is said of a call of the workspace, by module and function; of others, that the home is read."""

refreshing: ContextVar[asyncio.Task[Any] | None] = ContextVar("refreshing", default=None)
"""The task that refreshes what is on the screen already; tasks that it starts inherit the value."""


@dataclass(eq=False)
class Wait:
    """Something that a task waits for since a moment of the monotonic clock."""

    what: str
    task: asyncio.Task[Any] | None
    quiet: bool
    since: float = field(default_factory=lambda: time.monotonic())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since

    @property
    def told(self) -> bool:
        """Whether it lasts so long that people should know."""
        return self.seconds >= (REFRESH_SECONDS if self.quiet else TOLD_SECONDS)


class Waits:
    """The waits of the app; `show` gets the longest one that should be told, and None when there is none."""

    def __init__(self, show: Callable[[Wait | None], None]) -> None:
        self._show = show
        self._going: list[Wait] = []

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """The block waits for something: `what` says in words what is done."""
        task = asyncio.current_task()
        wait = Wait(what, task, quiet=task is not None and task is refreshing.get())
        self._going.append(wait)
        beat = asyncio.get_running_loop().call_later(TOLD_SECONDS, self._beat, wait)
        try:
            yield
        finally:
            beat.cancel()
            self._going.remove(wait)
            self._tell()

    def leave(self) -> str:
        """Cancel the wait that is told, and return what it was; empty where there is none to be left."""
        wait = self._told()
        if wait is None or wait.task is None or wait.quiet or wait.seconds < LEAVE_SECONDS:
            return ""
        wait.task.cancel()
        return wait.what

    def _beat(self, wait: Wait) -> None:
        if wait in self._going:
            self._tell()
            asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat, wait)

    def _told(self) -> Wait | None:
        return next((wait for wait in self._going if wait.told), None)

    def _tell(self) -> None:
        self._show(self._told())


def words_of(function: Callable[..., Any]) -> str:
    """What a call of the workspace does, in words."""
    return WORDS.get(getattr(function, "waits_for", ""), "reading the home")


def wait_text(wait: Wait, signs: str) -> str:
    """`◐ reading the run 2 s, esc leaves`: the sign alternates between the two of `signs`."""
    sign = signs[int(wait.seconds / BEAT_SECONDS) % 2]
    if wait.seconds < LEAVE_SECONDS:
        return f"{sign} {wait.what}"
    leave = "" if wait.quiet else ", esc leaves"
    return f"{sign} {wait.what} {wait.seconds:.0f} s{leave}"
