import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.store import runs as store
from promptrec_tui.workspace.control import resume_run
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.lineage import fork_run
from promptrec_tui.workspace.models import add_model, check_listed, move_model
from promptrec_tui.workspace.new_runs import NewRun, make_spec, start_run
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.run_document import run_document

GONE = r"The folder .*/base of the base model my base is gone: .*'promptrec model move 'my base' FOLDER'"
NEW = NewRun(name="first", dataset="shop", task="next_item", template="list", model="my base")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED, tmp_path / "base"))


def made_run(here: Workspace) -> RunFolder:
    """A run that was made and never queued."""
    spec = make_spec(here, NEW)
    folder = create_run(here.home, spec)
    store.add_run(here.catalogue, spec)
    return folder


def test_a_base_model_that_moved_is_told_before_anything_is_queued(
    home: Home, shop: Path, base: Path, tmp_path: Path
) -> None:
    with opened(home) as here:
        import_source(here, shop / "events.csv", "shop", ImportOptions(items=shop / "items.csv"))
        add_model(here, str(base), "my base")
        folder = made_run(here)
        place = base.rename(tmp_path / "moved")

        for verb in (
            lambda: start_run(here, replace(NEW, name="second")),
            lambda: resume_run(here, "first"),
            lambda: fork_run(here, "first"),
            lambda: placed_spec(folder),
        ):
            with pytest.raises(UserError, match=GONE):
                verb()
        assert not folder.queue_file.exists()
        assert [path.name for path in home.runs.iterdir()] == [folder.id]
        assert "is gone" in check_listed(here, "my base").problems[0]
        assert run_document(here, "first")["paths"]["base_model"] == str(base)

        move_model(here, "my base", str(place))
        assert check_listed(here, "my base").ok
        assert placed_spec(folder).model.folder == str(place)
        assert run_document(here, "first")["paths"]["base_model"] == str(place)
        assert make_spec(here, replace(NEW, name="second")).model.folder == str(place)


def test_another_model_is_no_new_place(home: Home, base: Path, tmp_path: Path) -> None:
    with opened(home) as here:
        add_model(here, str(base), "my base")
        other = Path(shutil.copytree(base, tmp_path / "other"))
        config = json.loads((other / "config.json").read_text())
        (other / "config.json").write_text(json.dumps({**config, "rope_theta": 1e4}))
        with pytest.raises(UserError, match=r"does not hold the files that my base had .*/other"):
            move_model(here, "my base", str(other))
        with pytest.raises(UserError, match="cannot be used: There is no folder"):
            move_model(here, "my base", str(tmp_path / "nowhere"))
        with pytest.raises(UserError, match="comes with promptrec"):
            move_model(here, "tiny", str(base))
        assert check_listed(here, "my base").ok


def test_the_embedded_model_is_found_where_this_installation_has_it(home: Home, shop: Path) -> None:
    with opened(home) as here:
        import_source(here, shop / "events.csv", "shop", ImportOptions(items=shop / "items.csv"))
        spec = make_spec(here, NewRun("a", "shop", "next_item", "list", "tiny"))
        elsewhere = spec.model.model_copy(update={"folder": "/an/older/installation/tiny"})
        folder = create_run(home, spec.model_copy(update={"model": elsewhere}))
        assert placed_spec(folder).model.folder == str(EMBEDDED)


def test_a_damaged_note_of_moves_is_as_none(home: Home, shop: Path, base: Path) -> None:
    with opened(home) as here:
        import_source(here, shop / "events.csv", "shop", ImportOptions(items=shop / "items.csv"))
        add_model(here, str(base), "my base")
        folder = made_run(here)
        shutil.rmtree(base)
        for noise in ("", "[]", '{"' + folder.spec().model.sha256 + '": 7}'):
            (home.models / "moved.json").write_text(noise)
            with pytest.raises(UserError, match=GONE):
                placed_spec(folder)
