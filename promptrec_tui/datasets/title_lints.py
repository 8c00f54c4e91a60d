"""Lints of item titles: a model sees nothing else of an item."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from promptrec_tui.datasets.broken_text import broken_parts, entities
from promptrec_tui.datasets.dataset import Item
from promptrec_tui.datasets.findings import Lint, percent, shown


def duplicate_titles(items: Sequence[Item]) -> Lint | None:
    """Items of another key and the same title."""
    keys: dict[str, list[str]] = defaultdict(list)
    for item in items:
        keys[item.title].append(item.key)
    shared = {title: keys_of for title, keys_of in keys.items() if len(keys_of) > 1}
    if not shared:
        return None
    count = sum(map(len, shared.values()))
    return Lint(
        "duplicate_titles",
        "warning",
        f"{count:,} of {len(items):,} items share {len(shared):,} titles: a model cannot tell them apart, "
        "and one of them counts as a wrong answer.",
        count,
        count / len(items),
        shown(f"{title}: {', '.join(keys_of)}" for title, keys_of in shared.items()),
        "If they are the same item: `dataset clean --step titles=merge`. If not, make the titles differ.",
    )


def title_prefixes(items: Sequence[Item]) -> Lint | None:
    """Titles with which longer titles begin."""
    # Keys used as titles are often prefixes of one another.
    titles = sorted({item.title for item in items if item.title != item.key})
    # Sorted, the titles that begin with a title directly follow it.
    pairs = [(title, after) for title, after in pairwise(titles) if after.startswith(title)]
    if not pairs:
        return None
    return Lint(
        "title_prefixes",
        "note",
        f"{len(pairs):,} of {len(titles):,} titles begin a longer title: scored without an end token, the "
        "shorter one always wins.",
        len(pairs),
        len(pairs) / len(titles),
        shown(f"{title} | {after}" for title, after in pairs),
        "Nothing needs to be done: each completion ends with an end token, which is scored too.",
    )


def empty_titles(items: Sequence[Item]) -> Lint | None:
    """Items without a title other than their key."""
    untitled = [item for item in items if not item.title.strip() or item.title == item.key]
    if not untitled:
        return None
    share = len(untitled) / len(items)
    return Lint(
        "empty_titles",
        "serious" if share >= 0.5 else "warning",
        f"{len(untitled):,} of {len(items):,} items ({percent(share)}) have no title but their key, "
        "which tells a model nothing.",
        len(untitled),
        share,
        shown(f"item {item.key}, {item.events:,} events" for item in untitled),
        "Import with an items file (--items FILE --map title=COLUMN), or leave them out: "
        "`dataset clean --step untitled=drop`.",
    )


def broken_titles(items: Sequence[Item]) -> Lint | None:
    """Titles that were read in the wrong encoding."""
    broken = [(item, parts) for item in items if (parts := broken_parts(item.title))]
    if not broken:
        return None
    return Lint(
        "broken_titles",
        "warning",
        f"{len(broken):,} of {len(items):,} titles look as if they were read in the wrong encoding.",
        len(broken),
        len(broken) / len(items),
        shown(f"{item.title} ({', '.join(parts)})" for item, parts in broken),
        "Import the source again with its own --encoding, or mend these titles in it.",
    )


def escaped_titles(items: Sequence[Item]) -> Lint | None:
    """Titles with characters written as in HTML."""
    escaped = [(item, parts) for item in items if (parts := entities(item.title))]
    if not escaped:
        return None
    return Lint(
        "escaped_titles",
        "warning",
        f"{len(escaped):,} of {len(items):,} titles hold HTML entities, such as {escaped[0][1][0]}.",
        len(escaped),
        len(escaped) / len(items),
        shown(f"{item.title} ({', '.join(parts)})" for item, parts in escaped),
        "Replace them by the characters: `dataset clean --step entities=unescape`.",
    )


TITLE_LINTS = (duplicate_titles, title_prefixes, empty_titles, broken_titles, escaped_titles)
