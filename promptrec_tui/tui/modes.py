"""The modes: the four main screens. The module of each is imported when the mode is first shown."""

from collections.abc import Callable

from textual.screen import Screen


def _runs() -> Screen[None]:
    from promptrec_tui.tui.screens.runs import RunsScreen

    return RunsScreen()


def _data() -> Screen[None]:
    from promptrec_tui.tui.screens.data import DataScreen

    return DataScreen()


def _templates() -> Screen[None]:
    from promptrec_tui.tui.screens.templates import TemplatesScreen

    return TemplatesScreen()


def _models() -> Screen[None]:
    from promptrec_tui.tui.screens.models import ModelsScreen

    return ModelsScreen()


MODES: dict[str, str | Callable[[], Screen[None]]] = {
    "runs": _runs,
    "data": _data,
    "templates": _templates,
    "models": _models,
}
"""In the order of their keys, 1 to 4."""
