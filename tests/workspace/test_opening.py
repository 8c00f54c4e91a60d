"""What a home holds as soon as it is opened."""

from dataclasses import replace

from promptrec_tui.home import Home
from promptrec_tui.store.models import add_model, delete_model
from promptrec_tui.workspace.models import list_models
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.session import load_session, save_session
from promptrec_tui.workspace.templates import list_templates


def test_opening_twice_lists_what_ships_once(home: Home) -> None:
    with opened(home) as workspace:
        models, templates = list_models(workspace), list_templates(workspace)
    with opened(home) as workspace:
        assert list_models(workspace) == models
        assert list_templates(workspace) == templates
    assert models[0].embedded
    assert len({row.name for row in templates}) == len(templates) >= 5


def test_the_embedded_model_of_an_older_installation_is_replaced(home: Home) -> None:
    with opened(home) as workspace:
        (old,) = list_models(workspace)
        delete_model(workspace.catalogue, old.id)
        add_model(workspace.catalogue, replace(old, folder="/gone", sha256="0" * 64))
    with opened(home) as workspace:
        (new,) = list_models(workspace)
    assert (new.folder, new.sha256, new.name) == (old.folder, old.sha256, old.name)


def test_the_home_is_private(home: Home) -> None:
    with opened(home):
        pass
    assert home.root.stat().st_mode & 0o077 == 0
    assert home.database.stat().st_mode & 0o077 == 0


def test_a_session_is_what_was_saved_and_never_in_the_way(home: Home) -> None:
    assert load_session(home) == {}
    save_session(home, {"mode": "data"})
    assert load_session(home) == {"mode": "data"}
    home.session.write_text("{torn")
    assert load_session(home) == {}
