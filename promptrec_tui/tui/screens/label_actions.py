"""The actions on what people say of runs: name, tags, note, pin, archive."""

from typing import TYPE_CHECKING

from textual import work

from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.screens.run_actions import RunActions

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow

LABELS = ("rename_run", "tag_runs", "note_run", "toggle_pin", "toggle_archive")


class LabelActions(RunActions):
    """Name and note are of the present run; tags, pin and archive are of all `labelled_runs`."""

    @property
    def labelled_runs(self) -> "tuple[RunRow, ...]":
        """The runs that are tagged, pinned and archived together."""
        return (self.present_run,) if self.present_run else ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in LABELS:
            return True if self.present_run else None
        return super().check_action(action, parameters)

    @work(group="act", exit_on_error=False)
    async def action_rename_run(self) -> None:
        if row := self.present_run:
            about = "Its result and its spec keep the name that it was made with."
            name = await self._line(f"A new name for run {row.name}", about, row.name)
            if name and name != row.name:
                await self.ask(workspace.labels.rename_run, row.id, name)
                self.renew()

    @work(group="act", exit_on_error=False)
    async def action_note_run(self) -> None:
        if row := self.present_run:
            note = await self._line(f"A note about run {row.name}", "Empty takes it away.", row.note)
            if note is not None and note != row.note:
                await self.ask(workspace.labels.note_run, row.id, note)
                self.renew()

    @work(group="act", exit_on_error=False)
    async def action_tag_runs(self) -> None:
        rows = self.labelled_runs
        if not rows:
            return
        known = sorted({tag for row in self.promptrec.runs for tag in row.tags})
        if len(rows) == 1:
            before = rows[0].tags
            line = await self._line(
                f"Tags of run {rows[0].name}", "Words, with spaces between.", " ".join(before), known
            )
            kept = (line or "").replace(",", " ").split()
            words = [*kept, *(f"-{tag}" for tag in before if tag not in kept)]
        else:
            about = "films adds a tag to each, -old takes one away."
            line = await self._line(f"Tags of {len(rows)} marked runs", about, "", known)
            words = (line or "").replace(",", " ").split()
        if line is not None and words:
            await self.ask(workspace.labels.tag_runs, [row.id for row in rows], words)
            self.renew()

    @work(group="act", exit_on_error=False)
    async def action_toggle_pin(self) -> None:
        if rows := self.labelled_runs:
            pinned = not all(row.pinned for row in rows)
            await self.ask(workspace.labels.pin_runs, [row.id for row in rows], pinned)
            self.renew()

    @work(group="act", exit_on_error=False)
    async def action_toggle_archive(self) -> None:
        if rows := self.labelled_runs:
            archived = not all(row.archived for row in rows)
            await self.ask(workspace.labels.archive_runs, [row.id for row in rows], archived)
            subject = f"Run {rows[0].name} is" if len(rows) == 1 else f"{len(rows)} runs are"
            hint = "archived: the filter word archived shows what is." if archived else "in the list again."
            self.notify_text(f"{subject} {hint}")
            self.renew()

    async def _line(self, title: str, about: str, value: str, words: "list[str] | None" = None) -> str | None:
        from promptrec_tui.tui.screens.line import LineScreen

        return await self.app.push_screen_wait(LineScreen(title, about, value, words or ()))
