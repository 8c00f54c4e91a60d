"""Lints of labelled texts: copies, texts in several splits, labels, users."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from promptrec_tui.datasets.broken_text import broken_parts, entities
from promptrec_tui.datasets.dataset import Example
from promptrec_tui.datasets.findings import Lint, Severity, percent, shown
from promptrec_tui.datasets.privacy import masked, personal_data
from promptrec_tui.datasets.user_inference import authors

INSTRUCTION = "instruction"
USER_FIELDS = ("user", "user_id", "userid", "uid")
UNBALANCED = 3.0
FEW_USERS, ROWS_EACH = 50, 10


@dataclass(frozen=True, eq=False)
class Texts:
    """Labelled texts, and by the same index what is asked, the answer and the split."""

    examples: Sequence[Example]

    @cached_property
    def texts(self) -> list[str]:
        """All that is asked, in one string."""
        return [question(example) for example in self.examples]

    @cached_property
    def plain(self) -> list[str]:
        """The texts without what does not count when two are compared: letter case and spaces."""
        return [plain(text) for text in self.texts]

    def say(self, row: int) -> str:
        """An example as text: its label, and its text without the instruction."""
        example = self.examples[row]
        own = {name: value for name, value in example.fields.items() if name != INSTRUCTION}
        text = question(replace(example, fields=own)) or self.texts[row]
        return f"{self.labels[row]}: {text}" if self.labels[row] else text

    @cached_property
    def labels(self) -> list[str]:
        return [example.label or "" for example in self.examples]

    @cached_property
    def splits(self) -> list[str]:
        return [example.split or "" for example in self.examples]

    @cached_property
    def rows_by_text(self) -> Mapping[str, list[int]]:
        """The rows of each text that occurs more than once."""
        rows: dict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(self.plain):
            rows[text].append(row)
        return {text: numbers for text, numbers in rows.items() if len(numbers) > 1}

    @cached_property
    def users(self) -> Sequence[str | int] | None:
        """The user of each row, from a field or inferred from histories; None where neither is possible."""
        names = [name for name in (self.examples[0].fields if self.examples else ()) if _is_user(name)]
        if names:
            return [str(example.fields.get(names[0], "")) for example in self.examples]
        return authors(self.texts)


def question(example: Example) -> str:
    """What an example asks: its fields, one a line."""
    return "\n".join(str(value) for value in example.fields.values() if value)


def plain(text: str) -> str:
    """A text as it is compared: letter case and spaces don't count."""
    return " ".join(text.casefold().split())


def duplicate_texts(texts: Texts) -> Lint | None:
    """Texts that occur twice in one split."""
    copies = [row for rows in texts.rows_by_text.values() for row in _later(rows, texts.splits)]
    return _lint(
        "duplicate_texts",
        "warning",
        f"{len(copies):,} of {len(texts.texts):,} texts repeat an earlier one of their split: they count "
        "more than once, and a split drawn at random puts copies on both sides.",
        copies,
        texts,
        "Keep one of each before splitting: `dataset clean --step texts=once`.",
    )


def texts_across_splits(texts: Texts) -> Lint | None:
    """Texts that occur in two splits."""
    shared = [
        row
        for rows in texts.rows_by_text.values()
        if len({texts.splits[row] for row in rows}) > 1
        for row in rows[:1]
    ]
    return _lint(
        "texts_across_splits",
        "serious",
        f"{len(shared):,} texts are in more than one split: a test on texts seen in training says little.",
        shared,
        texts,
        "Keep each in one split only, the test before the others: `dataset clean --step texts=once`.",
    )


def contradicting_labels(texts: Texts) -> Lint | None:
    """One text with different labels."""
    copies = texts.rows_by_text.values()
    rows = [same[0] for same in copies if len({texts.labels[row] for row in same}) > 1]
    return _lint(
        "contradicting_labels",
        "warning",
        f"{len(rows):,} texts have several labels: no answer can be right each time.",
        rows,
        texts,
        "Settle them in the source; `dataset clean --step texts=once` keeps the first copy of the test "
        "split, else that of validation, else the first of all, with its label.",
    )


def user_on_both_sides(texts: Texts) -> Lint | None:
    """Users with rows in several of the given splits."""
    if texts.users is None:
        return None
    sides: dict[str | int, set[str]] = defaultdict(set)
    first: dict[str | int, int] = {}
    for row, (user, split) in enumerate(zip(texts.users, texts.splits, strict=True)):
        sides[user].add(split)
        first.setdefault(user, row)
    both = [user for user, splits in sides.items() if len(splits) > 1]
    if not both:
        return None
    return Lint(
        "user_on_both_sides",
        "warning",
        f"{len(both):,} of {len(sides):,} users have rows in several splits: what is learned about them in "
        "training helps in the test, but not with new users.",
        len(both),
        len(both) / len(sides),
        shown(f"{' and '.join(sorted(sides[user]))}: {texts.say(first[user])}" for user in both),
        "Say so beside the figures, or split by user.",
    )


def few_users(texts: Texts) -> Lint | None:
    """Splits whose many rows come from few users."""
    if texts.users is None:
        return None
    who: dict[str, set[str | int]] = defaultdict(set)
    rows = Counter(texts.splits)
    for user, split in zip(texts.users, texts.splits, strict=True):
        who[split].add(user)
    few = {
        split: len(users)
        for split, users in who.items()
        if len(users) < FEW_USERS and rows[split] >= ROWS_EACH * len(users)
    }
    if not few:
        return None
    count = sum(rows[split] for split in few)
    parts = [f"{rows[split]:,} rows of {split or 'the file'} come from {n} users" for split, n in few.items()]
    return Lint(
        "few_users",
        "serious",
        f"{' and '.join(parts)}: a figure over them says little about other people.",
        count,
        count / len(texts.texts),
        shown(f"{split or 'all'}: {n} users" for split, n in few.items()),
        "Report intervals clustered by user, or draw the test rows from more users.",
    )


def unbalanced_labels(texts: Texts) -> Lint | None:
    """Labels of which one is far more frequent than another."""
    counts = Counter(texts.labels)
    counts.pop("", None)
    # Free text is no label: every answer differs.
    if not 2 <= len(counts) <= len(texts.texts) / 5:
        return None
    head, (least, few) = dict(counts.most_common(4)), counts.most_common()[-1]
    most, many = next(iter(head.items()))
    if many < UNBALANCED * few:
        return None
    return Lint(
        "unbalanced_labels",
        "note",
        f"The label {most} is {many / few:.1f} times as frequent as {least}: answering {most} each time "
        f"gives {percent(many / counts.total())} accuracy.",
        many,
        many / counts.total(),
        shown(f"{label}: {count:,}" for label, count in {**head, least: few}.items()),
        "Read macro-F1 beside accuracy, and compare with the most frequent label.",
    )


def broken_texts(texts: Texts) -> Lint | None:
    """Texts that were read in the wrong encoding."""
    broken = {row: parts for row, text in enumerate(texts.texts) if (parts := broken_parts(text))}
    return _lint(
        "broken_texts",
        "warning",
        f"{len(broken):,} of {len(texts.texts):,} texts look as if they were read in the wrong encoding: "
        f"{', '.join(_most_common(broken.values()))}.",
        list(broken),
        texts,
        "Import the source again with its own --encoding, or mend the source.",
    )


def escaped_texts(texts: Texts) -> Lint | None:
    """Texts with characters written as in HTML."""
    escaped = {row: parts for row, text in enumerate(texts.texts) if (parts := entities(text))}
    return _lint(
        "escaped_texts",
        "warning",
        f"{len(escaped):,} of {len(texts.texts):,} texts hold HTML entities: "
        f"{', '.join(_most_common(escaped.values()))}.",
        list(escaped),
        texts,
        "Replace them by the characters: `dataset clean --step entities=unescape`.",
    )


def empty_texts(texts: Texts) -> Lint | None:
    """Examples that ask nothing, or have no answer."""
    rows = [
        row
        for row, (text, label) in enumerate(zip(texts.plain, texts.labels, strict=True))
        if not (text and label)
    ]
    return _lint(
        "empty_texts",
        "warning",
        f"{len(rows):,} of {len(texts.texts):,} examples have no text or no answer.",
        rows,
        texts,
        "Fill them in or take them out of the source.",
    )


TEXT_LINTS = (
    texts_across_splits,
    user_on_both_sides,
    few_users,
    duplicate_texts,
    contradicting_labels,
    unbalanced_labels,
    broken_texts,
    escaped_texts,
    empty_texts,
)


def private_texts(texts: Iterable[str], noun: str, total: int, way_on: str) -> Lint | None:
    """`noun` (a plural) that hold personal data. The examples hide all but two characters of each."""
    kinds: Counter[str] = Counter()
    pieces: list[str] = []
    count = 0
    for text in texts:
        personal = list(personal_data(text))
        kinds.update({kind for kind, _ in personal})
        pieces += [f"{kind} {masked(piece)}" for kind, piece in personal]
        count += bool(personal)
    if not count:
        return None
    return Lint(
        "personal_data",
        "warning",
        f"{count:,} of {total:,} {noun} hold what looks like personal data: "
        f"{', '.join(f'{kind} in {n:,}' for kind, n in kinds.most_common())}. Names are not looked for.",
        count,
        count / total,
        shown(dict.fromkeys(pieces)),
        way_on,
    )


def _is_user(name: str) -> bool:
    return name.casefold() in USER_FIELDS


def _later(rows: Sequence[int], splits: Sequence[str]) -> Iterator[int]:
    """The rows after the first of each split."""
    seen = set()
    for row in rows:
        if splits[row] in seen:
            yield row
        seen.add(splits[row])


def _most_common(parts: Iterable[Sequence[str]]) -> list[str]:
    return [part for part, _ in Counter(part for text_parts in parts for part in text_parts).most_common(4)]


def _lint(
    name: str, severity: Severity, finding: str, rows: Sequence[int], texts: Texts, way_on: str
) -> Lint | None:
    if not rows:
        return None
    examples = shown(map(texts.say, rows))
    return Lint(name, severity, finding, len(rows), len(rows) / len(texts.texts), examples, way_on)
