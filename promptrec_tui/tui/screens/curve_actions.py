"""The actions on the curves of a run."""

from promptrec_tui.tui.screens.label_actions import LabelActions
from promptrec_tui.tui.widgets.chart_view import ZOOM, at_newest, other_scale, smoother, whole
from promptrec_tui.tui.widgets.curves_pane import CurvesPane

NAMES = (
    *("next_chart", "previous_chart", "page_curve", "first_point", "newest_point", "zoom", "whole_curve"),
    *("jump", "smooth", "log_scale", "change_unit"),
)


class CurveActions(LabelActions):
    """Cursor, range, smoothing and scale of the charts; possible while they are shown."""

    @property
    def curves_shown(self) -> bool:
        """Whether the keys act on the curves."""
        return False

    @property
    def _pane(self) -> CurvesPane:
        return self.query_one(CurvesPane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in NAMES:
            return self.is_mounted and self.curves_shown
        return super().check_action(action, parameters)

    def action_next_chart(self) -> None:
        self._pane.move(1)

    def action_previous_chart(self) -> None:
        self._pane.move(-1)

    def action_page_curve(self, by: int) -> None:
        self._pane.page_cursor(by)

    def action_first_point(self) -> None:
        self._pane.place_first()

    def action_newest_point(self) -> None:
        self._pane.look(at_newest)

    def action_zoom(self, by: int) -> None:
        self._pane.zoom(ZOOM**by)

    def action_whole_curve(self) -> None:
        self._pane.look(whole)

    def action_jump(self, kind: str) -> None:
        self._pane.jump(kind)

    def action_smooth(self) -> None:
        self._pane.look(smoother)

    def action_log_scale(self) -> None:
        self._pane.look(other_scale)

    def action_change_unit(self) -> None:
        self._pane.change_unit()
