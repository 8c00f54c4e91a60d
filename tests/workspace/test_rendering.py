"""Renderings: read once, and anew when a file has changed."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.datasets.dataset import Dataset
from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.tasks import next_item
from promptrec_tui.workspace import rendering as room
from promptrec_tui.workspace.datasets import ImportOptions, find_dataset, import_source
from promptrec_tui.workspace.models import add_model
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.rendering import Rendering, render_template
from promptrec_tui.workspace.templates import list_templates


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that may be changed."""
    return shutil.copytree(EMBEDDED, tmp_path / "model")


@pytest.fixture
def workspace(home: Home, shop: Path, model: Path) -> Iterator[Workspace]:
    """A home with the dataset `shop` and the model `changing`."""
    with opened(home) as workspace:
        _import(workspace, shop, "shop")
        add_model(workspace, str(model), "changing")
        yield workspace


def _import(workspace: Workspace, shop: Path, name: str) -> Path:
    options = ImportOptions(format="csv", items=shop / "items.csv")
    import_source(workspace, shop / "events.csv", name, options)
    return workspace.home.root / find_dataset(workspace, name).file


def _render(workspace: Workspace, user: str, template: str = "list") -> Rendering:
    return render_template(workspace, "shop", template, user, "changing")


def _change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_other_users_and_templates_read_no_file_again(
    workspace: Workspace, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            done[name] += 1
            return real(*arguments)

        monkeypatch.setattr(owner, name, counted)

    for owner, name in ((room, "load_tokenizer"), (Dataset, "items"), (next_item, "draft")):
        count(owner, name)
    names = [row.name for row in list_templates(workspace)][:2]
    renderings = {(user, name): _render(workspace, user, name) for name in names for user in ("u00", "u01")}
    assert done == {"load_tokenizer": 1, "items": 1, "draft": 2}
    assert len({rendering.prompt for rendering in renderings.values()}) == 4

    add_model(workspace, str(shutil.copytree(model, tmp_path / "other")), "other")
    for (user, name), rendering in renderings.items():
        assert render_template(workspace, "shop", name, user, "other") == rendering
    assert done["load_tokenizer"] == 2


def test_a_changed_tokenizer_is_seen(workspace: Workspace, model: Path) -> None:
    before = _render(workspace, "u00")
    file = json.loads((model / "tokenizer.json").read_text())
    assert file["model"]["merges"]
    file["model"]["merges"] = []
    (model / "tokenizer.json").write_text(json.dumps(file))
    after = _render(workspace, "u00")
    assert after.prompt == before.prompt
    assert len(after.prompt_token_ids) > len(before.prompt_token_ids)


def test_a_changed_context_is_seen(workspace: Workspace, model: Path) -> None:
    before = _render(workspace, "u00")
    assert before.dropped_history == 0
    room = len(before.prompt_token_ids) + len(before.completion_token_ids) - 1
    _change(model / "config.json", max_position_embeddings=room)
    after = _render(workspace, "u00")
    assert after.context == room
    assert after.dropped_history > 0


def test_a_tokenizer_that_comes_back_is_taken(workspace: Workspace, model: Path, tmp_path: Path) -> None:
    before = _render(workspace, "u00")
    aside = shutil.move(model / "tokenizer.json", tmp_path / "aside.json")
    for _ in range(2):
        with pytest.raises(UserError, match=r"has no tokenizer\.json"):
            _render(workspace, "u00")
    shutil.move(aside, model / "tokenizer.json")
    assert _render(workspace, "u00") == before


def test_a_changed_dataset_is_seen(workspace: Workspace, shop: Path) -> None:
    before = _render(workspace, "u00")
    items = shop / "items.csv"
    items.write_text(items.read_text().replace("Thing", "Other"))
    new = _import(workspace, shop, "renamed")
    old = workspace.home.root / find_dataset(workspace, "shop").file
    new.replace(old)
    after = _render(workspace, "u00")
    assert after.prompt == before.prompt.replace("Thing", "Other") != before.prompt
    assert after.completion == before.completion.replace("Thing", "Other") != before.completion
    old.unlink()
    with pytest.raises(UserError, match="is gone"):
        _render(workspace, "u00")
