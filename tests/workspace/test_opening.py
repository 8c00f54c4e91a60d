"""What a home holds as soon as it is opened."""

from promptrec_tui.home import Home
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
