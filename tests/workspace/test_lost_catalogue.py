"""The catalogue was deleted: it is said, and it comes back from the folders."""

import asyncio
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.errors import CatalogueGoneError, UserError
from promptrec_tui.home import Home
from promptrec_tui.tui.backend import Backend
from promptrec_tui.workspace.datasets import ImportOptions, import_source, list_datasets
from promptrec_tui.workspace.doctor import examine
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.run_views import refreshed_runs


@pytest.fixture
def used(home: Home, shop: Path) -> Home:
    """A home with one dataset."""
    with opened(home) as workspace:
        import_source(workspace, shop / "events.csv", "shop", ImportOptions(items=shop / "items.csv"))
    return home


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_it_is_said_once_and_the_datasets_are_there(
    used: Home, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if how == "deleted":
        used.database.unlink()
    else:
        used.database.write_bytes(b"")
    assert run_command(["dataset", "list"]) == 0
    said = capsys.readouterr()
    assert "The catalogue was gone: a new one was made from the folders (0 runs, 1 datasets" in said.err
    assert "recovered-" in said.out
    assert run_command(["dataset", "list"]) == 0
    assert capsys.readouterr().err == ""
    assert not used.rebuilding.exists()


def test_a_new_home_has_lost_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["dataset", "list"]) == 0
    assert capsys.readouterr().err == ""


def test_a_catalogue_that_was_half_made_is_made_again(used: Home) -> None:
    used.rebuilding.write_text("replaced-none.db")
    with opened(used) as workspace:
        assert workspace.recovered
        assert [row.name for row in list_datasets(workspace)] == ["shop"], "what it had is not lost"
    assert not used.rebuilding.exists()


def test_an_open_catalogue_tells_that_it_is_gone_and_goes_on_with_the_new_one(used: Home) -> None:
    with opened(used) as first:
        used.database.unlink()
        for act in (first.catalogue.read, first.catalogue.write):
            with pytest.raises(CatalogueGoneError, match="is gone: it was deleted or moved"), act():
                pass
        with opened(used):
            pass
        assert len(list_datasets(first)) == 1


def test_the_app_says_it_once_and_recovers(used: Home) -> None:
    async def look() -> None:
        backend = Backend(used)
        assert len(await backend.ask(list_datasets)) == 1
        used.database.unlink()
        with pytest.raises(CatalogueGoneError, match="is gone"):
            await backend.ask(refreshed_runs)
        assert await backend.ask(refreshed_runs) == []
        assert len(await backend.ask(list_datasets)) == 1
        backend.close()

    asyncio.run(look())


def test_an_open_app_makes_no_new_home_in_the_place_of_one_that_was_moved(used: Home) -> None:
    async def ask() -> None:
        backend = Backend(used)
        assert len(await backend.ask(list_datasets)) == 1
        used.root.rename(aside := used.root.with_name("aside"))
        for sentence in ("is gone", "is gone: put it back"):
            with pytest.raises(UserError, match=sentence):
                await backend.ask(list_datasets)
        assert not used.root.exists()
        aside.rename(used.root)
        assert len(await backend.ask(list_datasets)) == 1
        backend.close()

    asyncio.run(ask())


def test_doctor_compares_files_with_rows(used: Home) -> None:
    def files() -> tuple[bool, str]:
        return next((finding.ok, finding.finding) for finding in examine(used) if finding.check == "files")

    assert files() == (True, "1 datasets and 0 runs, as the catalogue lists them")
    (file,) = used.datasets.glob("*.sqlite")
    other = file.with_name("0badcafe.sqlite")
    other.write_bytes(file.read_bytes())
    assert files()[0] is False
    assert "datasets/0badcafe.sqlite is not in the catalogue" in files()[1]
    other.unlink()
    file.rename(used.root / "elsewhere")
    assert files()[0] is False
    assert "the file of dataset shop is gone" in files()[1]
