"""The homes in which journeys begin."""

from collections.abc import Callable
from pathlib import Path

import pytest

from promptrec_tui.home import Home
from promptrec_tui.runs.base_models import EMBEDDED_ID
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.new_runs import NewRun, start_run
from promptrec_tui.workspace.opening import opened
from tests.journeys.stubs import Begin


@pytest.fixture
def begin(home: Home, shop: Path, stub_recipe: Callable[[str], None]) -> Begin:
    """Start the run `night` on the dataset `shop`, trained by a stub from now on; answers its folder."""

    def start(program: str) -> RunFolder:
        stub_recipe(program)
        with opened(home) as workspace:
            options = ImportOptions(format="csv", items=shop / "items.csv")
            import_source(workspace, shop / "events.csv", "shop", options)
            row = start_run(workspace, NewRun("night", "shop", "next_item", "list", EMBEDDED_ID))
        return RunFolder(home.runs / row.id)

    return start
