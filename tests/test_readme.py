"""The README tells the truth: its tables are what the program has."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_readme_has_every_command() -> None:
    from promptrec_tui.cli.reference import command_table

    assert command_table() in README


def test_readme_has_every_key() -> None:
    from promptrec_tui.tui.actions import key_table

    assert key_table() in README


def test_links_and_pictures_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_names_of_files_in_the_text_exist() -> None:
    named = re.findall(r"`(sample_data/[\w./-]+)`", README)
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("words", ["make demo", "make test", "## Where files lie", "simulated", "模拟"])
def test_it_says(words: str) -> None:
    assert words in README
