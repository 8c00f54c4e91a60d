"""The READMEs tell the truth: their figures were measured, and the two say the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
BOTH = pytest.mark.parametrize("text", [README, CHINESE], ids=["README.md", "README.zh.md"])

LINES = 150
FIGURE = re.compile(r"(?<![\w@.-])[+-]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w@-])")
WHOLE = ("10", "95", "200")
"""Cut-offs, levels and numbers of users, which stand in the words around a figure."""


def blocks(text: str) -> list[str]:
    """The code blocks of a page, without their comments."""
    code_blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r" *#.*", "", block) for block in code_blocks]


def outline(text: str) -> list[str]:
    """The kinds of a page's parts, in order: headings by level, rows of tables, pictures, items of lists."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^(#+ |\||!\[|- )", outside, re.MULTILINE)


@BOTH
def test_it_is_short(text: str) -> None:
    assert len(text.splitlines()) <= LINES


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.casefold()).replace(" ", "-")


@BOTH
def test_its_table_has_measured_figures_only(text: str) -> None:
    rows = re.findall(
        r"^\| (.+?) \| (.+?) \| \[.+?\]\((benchmarks/\w+\.md)#?([\w-]*)\) \|$", text, re.MULTILINE
    )
    assert len(rows) == 7
    for subject, measured, page, anchor in rows:
        source = (ROOT / page).read_text(encoding="utf-8")
        if anchor:
            parts = re.split(r"^## ", source, flags=re.MULTILINE)
            (source,) = [part for part in parts if slug(part.partition("\n")[0]) == anchor]
        known = set(FIGURE.findall(source))
        lacking = [figure for figure in FIGURE.findall(f"{subject} {measured}") if figure not in known]
        assert not lacking, f"{page} {anchor} has no {lacking}"


@BOTH
def test_the_figures_of_the_sample_run_are_those_of_its_page(text: str) -> None:
    known = FIGURE.findall(
        (ROOT / "docs/sample-data.md").read_text(encoding="utf-8").partition("## The sample run")[2]
    )
    (paragraph,) = [part for part in text.split("\n\n") if "200 " in part and "NDCG@10" in part]
    figures = [figure for figure in FIGURE.findall(paragraph) if figure not in WHOLE]
    assert len(figures) == 9
    assert set(figures) <= set(known)


def test_the_two_have_the_same_parts_in_the_same_order() -> None:
    assert outline(README) == outline(CHINESE)


def test_the_two_have_the_same_code() -> None:
    assert blocks(README) == blocks(CHINESE)
    assert sum(map(len, blocks(README))) > 500


def test_the_two_have_the_same_links_names_and_figures() -> None:
    def links(text: str) -> list[str]:
        return [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("README")]

    def names(text: str) -> set[str]:
        return set(re.findall(r"`([^`\n]+)`", text))

    def figures(text: str) -> list[str]:
        """Measured ones: small whole numbers may be words in one of the languages."""
        return sorted(figure for figure in FIGURE.findall(text) if re.search(r"[.,e]", figure))

    for extract in (links, names, figures):
        assert extract(README) == extract(CHINESE)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("README.md", "make demo"),
        ("README.md", "make test"),
        ("README.md", "simulated"),
        ("README.zh.md", "模拟"),
        ("docs/files.md", "# Where files lie"),
    ],
)
def test_it_says(page: str, words: str) -> None:
    assert words in (ROOT / page).read_text(encoding="utf-8")
