"""Cleaning in steps. Each step returns new contents and counts its changes; the original dataset stays."""

import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from promptrec_tui.datasets.broken_text import without_entities
from promptrec_tui.datasets.contents import Contents
from promptrec_tui.datasets.events import again, units_of_second
from promptrec_tui.datasets.splits import split_of
from promptrec_tui.datasets.text_lints import plain, question
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean, did_you_mean

Secret = Callable[[], bytes]
"""Gives the key of pseudonyms; asked only by the step that needs it."""

PSEUDONYM_LENGTH = 32
_ARTICLE = re.compile(
    r"^(?P<rest>.+), (?P<article>The|A|An|Le|La|Les|L'|Il|Lo|El|Los|Las|Der|Die|Das|Den|Det|De|O|Os|As)"
    r"(?P<year>(?: \([^()]*\))*)$"
)


@dataclass(frozen=True)
class Step:
    """One step as it is written on the command line: `kcore=5` has the name kcore and the choice 5."""

    name: str
    choice: str

    def __str__(self) -> str:
        return f"{self.name}={self.choice}"


@dataclass(frozen=True)
class Effect:
    """What a step took out, and how many values it changed."""

    step: str
    users: int
    items: int
    interactions: int
    examples: int
    changed: int

    @property
    def sentence(self) -> str:
        """`kcore=5: 12 users and 340 interactions left out.`"""
        counts = {
            "user": self.users,
            "item": self.items,
            "interaction": self.interactions,
            "example": self.examples,
        }
        gone = [_counted(count, noun) for noun, count in counts.items() if count]
        parts = [f"{' and '.join(gone[-2:]) if len(gone) < 3 else ', '.join(gone)} left out"] if gone else []
        if self.changed:
            parts.append(f"{_counted(self.changed, 'value')} changed")
        return f"{self.step}: {'; '.join(parts) or 'nothing to do'}."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


Done = tuple[Contents, int]
"""The new contents, and how many values were changed in place."""

Work = Callable[[Contents, str, Secret], Done]
"""What a step does with contents, given its choice."""


def parse_steps(texts: Iterable[str]) -> list[Step]:
    """Steps written as `name=choice`. Raises UserError for an unknown name or choice."""
    return [_parse(text) for text in texts]


def clean_contents(
    contents: Contents, steps: Sequence[Step], secret: Secret
) -> tuple[Contents, list[Effect]]:
    """`contents` after all `steps`, with dense ids, and what each step did.

    Raises UserError when a step does not fit these data, or leaves nothing.
    """
    effects = []
    for step in steps:
        before = contents.counts
        contents, changed = STEPS[step.name].work(contents, step.choice, secret)
        after = contents.counts
        effects.append(
            Effect(
                str(step),
                before.users - after.users,
                before.items - after.items,
                before.interactions - after.interactions,
                before.examples - after.examples,
                changed,
            )
        )
        if not (after.interactions or after.examples):
            raise UserError(f"The step {step} would leave nothing. Ask for less, or leave it out.")
    return contents.compact(), effects


def _times(contents: Contents, choice: str, secret: Secret) -> Done:
    events = contents.events
    if not events.timed:
        raise UserError("The step times=seconds needs timestamps, and these interactions lack them.")
    units = units_of_second(events.timestamp)
    # Sort by fractions of a second too: the new timestamps lose them.
    order = np.lexsort((events.line, events.timestamp / units, events.user))
    moved = replace(events, timestamp=events.timestamp // units)
    return replace(contents, events=moved.take(order)), int((units > 1).sum())


def _dedupe(contents: Contents, choice: str, secret: Secret) -> Done:
    events = contents.events
    return _keep_one(contents, (events.timestamp, events.item, events.user), choice), 0


def _repeats(contents: Contents, choice: str, secret: Secret) -> Done:
    return _keep_one(contents, (contents.events.item, contents.events.user), choice), 0


def _keep_one(contents: Contents, columns: Sequence[np.ndarray], choice: str) -> Contents:
    if choice == "last":
        return contents.keep(~again(*(column[::-1] for column in columns))[::-1])
    return contents.keep(~again(*columns))


def _rating(contents: Contents, choice: str, secret: Secret) -> Done:
    if np.isnan(contents.events.rating).all():
        raise UserError(f"The step rating={choice} needs ratings, and these interactions have none.")
    kept = contents.keep(contents.events.rating >= float(choice))
    # What is left is one kind of event: liked.
    implicit = replace(kept.events, rating=np.full(len(kept.events), np.nan))
    return replace(kept, events=implicit), 0


def _untitled(contents: Contents, choice: str, secret: Secret) -> Done:
    titled = [bool(item.title.strip()) and item.title != item.key for item in contents.items]
    return contents.keep_items(np.array(titled, dtype=bool)), 0


def _unseen(contents: Contents, choice: str, secret: Secret) -> Done:
    return contents.keep_items(contents.popularity > 0), 0


def _core(contents: Contents, choice: str, secret: Secret) -> Done:
    least = [int(number) for number in choice.split(",")]
    of_user, of_item = least[0], least[-1]
    while True:
        events = contents.events
        users = np.bincount(events.user, minlength=len(contents.users))
        items = contents.popularity
        fits = (users[events.user] >= of_user) & (items[events.item] >= of_item)
        if fits.all():
            return contents.keep_items(items >= of_item), 0
        contents = contents.keep(fits)


def _titles(contents: Contents, choice: str, secret: Secret) -> Done:
    if choice == "merge":
        return _merge(contents)
    tidy = article_first if choice == "articles" else tidy_title
    titles = [tidy(item.title) for item in contents.items]
    changed = sum(title != item.title for title, item in zip(titles, contents.items, strict=True))
    items = [replace(item, title=title) for title, item in zip(titles, contents.items, strict=True)]
    return replace(contents, items=items), changed


def _merge(contents: Contents) -> Done:
    """Items of one title become the one of them that has the most events."""
    popularity = contents.popularity
    best: dict[str, int] = {}
    for item in np.flatnonzero(contents.listed).tolist():
        held = best.setdefault(contents.items[item].title, item)
        if popularity[item] > popularity[held]:
            best[contents.items[item].title] = item
    target = np.array([best.get(item.title, item.item_id) for item in contents.items], dtype=np.int64)
    events = replace(contents.events, item=target[contents.events.item])
    listed = contents.listed & (target == np.arange(len(target)))
    return replace(contents, events=events, listed=listed), int((events.item != contents.events.item).sum())


def _entities(contents: Contents, choice: str, secret: Secret) -> Done:
    items = [replace(item, title=without_entities(item.title)) for item in contents.items]
    examples = [
        replace(
            example,
            fields={
                name: without_entities(value) if isinstance(value, str) else value
                for name, value in example.fields.items()
            },
        )
        for example in contents.examples
    ]
    changed = sum(new != old for new, old in zip(items, contents.items, strict=True))
    changed += sum(new != old for new, old in zip(examples, contents.examples, strict=True))
    return replace(contents, items=items, examples=examples), changed


def _texts(contents: Contents, choice: str, secret: Secret) -> Done:
    kept: dict[str, int] = {}
    for number in sorted(
        range(len(contents.examples)), key=lambda number: _rank(contents.examples[number].split)
    ):
        kept.setdefault(plain(question(contents.examples[number])), number)
    examples = [contents.examples[number] for number in sorted(kept.values())]
    return replace(contents, examples=examples), 0


def _rank(split: str | None) -> int:
    """Test texts are kept before those of validation, and these before all others."""
    return {"test": 0, "valid": 1}.get(split_of(split or "") or "", 2)


def _pseudonyms(contents: Contents, choice: str, secret: Secret) -> Done:
    key = secret()
    users = [pseudonym(user, key) for user in contents.users]
    # Attributes may hold names and addresses.
    return replace(contents, users=users, profiles=[{} for _ in users]), contents.counts.users


def pseudonym(key: str, secret: bytes) -> str:
    """A keyed hash of a user key: equal keys get equal pseudonyms, reversible only with the secret."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), "sha256").hex()[:PSEUDONYM_LENGTH]


def tidy_title(title: str) -> str:
    """Composed characters (NFC) and single spaces, none outside; a title of nothing but spaces stays."""
    return " ".join(unicodedata.normalize("NFC", title).split()) or title


def article_first(title: str) -> str:
    """`Matrix, The (1999)` as `The Matrix (1999)`, and tidy."""
    title = tidy_title(title)
    if not (match := _ARTICLE.match(title)):
        return title
    article, space = match["article"], "" if match["article"].endswith("'") else " "
    return f"{article}{space}{match['rest']}{match['year']}"


@dataclass(frozen=True)
class StepKind:
    """A kind of step: its choices as a pattern and in words, a description, and the function."""

    pattern: str
    choices: str
    about: str
    work: Work


STEPS: Mapping[str, StepKind] = {
    "times": StepKind("seconds", "seconds", "bring timestamps to seconds, and sort again", _times),
    "dedupe": StepKind("first|last", "first or last", "keep one of the same user, item and time", _dedupe),
    "repeats": StepKind("first|last", "first or last", "keep one of the same user and item", _repeats),
    "rating": StepKind(
        r"-?\d+(\.\d+)?", "a number", "keep ratings from this one on, as events without a rating", _rating
    ),
    "untitled": StepKind("drop", "drop", "leave out items without a title, with their events", _untitled),
    "titles": StepKind(
        "tidy|articles|merge",
        "tidy, articles or merge",
        "tidy characters and spaces; also `Matrix, The` as `The Matrix`; one item for each title",
        _titles,
    ),
    "kcore": StepKind(
        r"[1-9]\d{0,5}(,[1-9]\d{0,5})?",
        "a number, or two (of users, of items)",
        "until each user and each item left has at least so many events",
        _core,
    ),
    "unseen": StepKind("drop", "drop", "leave out items that nobody had", _unseen),
    "entities": StepKind(
        "unescape", "unescape", "write characters such as &amp; as they are, in titles and texts", _entities
    ),
    "texts": StepKind("once", "once", "keep one of each text, that of the test split first", _texts),
    "users": StepKind(
        "pseudonyms", "pseudonyms", "replace user keys by keyed hashes, leave out attributes", _pseudonyms
    ),
}
"""The steps by name, in an order in which they make sense one after the other."""


def _parse(text: str) -> Step:
    name, _, choice = (part.strip() for part in text.partition("="))
    if name not in STEPS:
        hint = did_you_mean(name, STEPS) or f" The steps are {', '.join(STEPS)}."
        raise UserError(f"There is no cleaning step {clean(name)!r}.{hint}")
    if not re.fullmatch(STEPS[name].pattern, choice):
        raise UserError(
            f"The step {name} cannot be {clean(choice)!r}: write {name}= and {STEPS[name].choices}."
        )
    return Step(name, choice)
