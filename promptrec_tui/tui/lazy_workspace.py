"""The functions of the workspace, for screens. Calling a function imports its module.

    from promptrec_tui.tui import lazy_workspace as workspace

    rows = await self.ask(workspace.datasets.list_datasets)

`ask` makes the call in the backend's thread. So the imports of the workspace (SQLAlchemy, pydantic, jinja2)
neither delay the first frame nor block the event loop. Type checkers see the modules themselves. At run time
only functions are available: import types under TYPE_CHECKING, from the workspace.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptrec_tui.workspace import compare as compare
    from promptrec_tui.workspace import compare_views as compare_views
    from promptrec_tui.workspace import control as control
    from promptrec_tui.workspace import datasets as datasets
    from promptrec_tui.workspace import demo as demo
    from promptrec_tui.workspace import drafts as drafts
    from promptrec_tui.workspace import estimate as estimate
    from promptrec_tui.workspace import home_view as home_view
    from promptrec_tui.workspace import labels as labels
    from promptrec_tui.workspace import models as models
    from promptrec_tui.workspace import named as named
    from promptrec_tui.workspace import new_runs as new_runs
    from promptrec_tui.workspace import preferences as preferences
    from promptrec_tui.workspace import queue as queue
    from promptrec_tui.workspace import rendering as rendering
    from promptrec_tui.workspace import run_config as run_config
    from promptrec_tui.workspace import run_forms as run_forms
    from promptrec_tui.workspace import run_logs as run_logs
    from promptrec_tui.workspace import run_views as run_views
    from promptrec_tui.workspace import runs as runs
    from promptrec_tui.workspace import session_news as session_news
    from promptrec_tui.workspace import template_editing as template_editing
    from promptrec_tui.workspace import templates as templates
    from promptrec_tui.workspace import versions as versions
else:
    from importlib import import_module

    class _Module:
        def __init__(self, name):
            self._name = name

        def __getattr__(self, function):
            def call(*args, **options):
                return getattr(import_module(self._name), function)(*args, **options)

            call.waits_for = f"{self._name.rpartition('.')[2]}.{function}"
            return call

    def __getattr__(name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Module(f"promptrec_tui.workspace.{name}")
