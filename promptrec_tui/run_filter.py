"""The filter language of the runs: `state:done ndcg@10>0.1 tag:films -model:tiny age<7d`.

A word keeps runs in which some field contains it; `field:text` looks in that field alone; `number>0.1`
compares; `pinned` and `archived` keep those that are; `-` before a word keeps the others; double quotes hold
words together. All words must hold. Archived runs are left out unless a word asks about them. What is half
typed, such as `state:`, keeps everything, so that the list does not jump while a person types.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable

from promptrec_tui.run_fields import NUMBERS, TEXTS, Run

FLAGS = ("pinned", "archived")

_WORD = re.compile(r'(-?)((?:[^\s"]|"[^"]*"?)+)')
_COMPARISON = re.compile(r"^([a-z][a-z0-9_]*(?:@\d+)?)(>=|<=|>|<|=)(.*)$")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
"""Units of an age, such as 7d; without one it counts days."""

Test = Callable[[Run], bool]


def run_filter(text: str) -> Test:
    """Whether a run has all that the words of `text` ask for."""
    tests = [test for negated, word in _WORD.findall(text) if (test := _test(word, bool(negated)))]
    if not asks_for_archived(text):
        tests.insert(0, lambda run: not run.archived)

    def keeps(run: Run) -> bool:
        # A loop: a generator for each of ten thousand runs would take as long as the tests themselves.
        for test in tests:  # noqa: SIM110
            if not test(run):
                return False
        return True

    return keeps


def asks_for_archived(text: str) -> bool:
    """Whether a word of the filter is about archived runs, which are left out otherwise."""
    return any(word.casefold() == "archived" for _, word in _WORD.findall(text))


def completions(text: str, runs: Iterable[Run]) -> list[str]:
    """What may stand for the last word of a filter, or of its field: words that begin as it does."""
    word = text[max(text.rfind(" "), text.rfind("\t")) + 1 :]
    if text.count('"') % 2:
        return []
    minus = "-" if word.startswith("-") else ""
    start = word.removeprefix("-").casefold()
    name, colon, value = start.partition(":")
    if colon:
        parts = (part for run in runs for part in _values(run, _text_field(name)))
        values = {part for part in parts if part.casefold().startswith(value)}
        quoted = (f'"{part}"' if " " in part else part for part in sorted(values) if '"' not in part)
        return [f"{minus}{name}:{part}" for part in quoted if part.casefold() != value]
    if not start:
        return []
    metrics = sorted({f"{run.best_metric}>" for run in runs if run.best_metric})
    words = [*(f"{field}:" for field in TEXTS), *FLAGS, *(f"{number}>" for number in NUMBERS), *metrics]
    return [f"{minus}{each}" for each in words if each.startswith(start) and each != start]


def _values(run: Run, name: str) -> Iterable[str]:
    if name == "tags":
        return run.tags
    return (TEXTS[name](run),) if name else ()


def _text_field(name: str) -> str:
    """The field of that name, or the first that begins so: `d:films`, `tag:films`; empty for none."""
    return next((field for field in TEXTS if name and field.startswith(name.casefold())), "")


def _test(word: str, negated: bool) -> Test | None:
    """What one word asks for; None for one that is half typed."""
    test = _flag(word) or _comparison(word) or _containment(word)
    if test is None or not negated:
        return test
    return lambda run: not test(run)


def _flag(word: str) -> Test | None:
    flag = word.casefold()
    return (lambda run: bool(getattr(run, flag))) if flag in FLAGS else None


def _comparison(word: str) -> Test | None:
    match = _COMPARISON.match(word.casefold())
    if not match:
        return None
    name, sign, text = match.groups()
    unit = _SECONDS.get(text[-1:]) if name == "age" else None
    try:
        wanted = float(text.removesuffix(text[-1:]) if unit else text)
    except ValueError:
        return None
    if name == "age":
        wanted *= unit or _SECONDS["d"]
    compare = _COMPARE[sign]
    return lambda run: compare(_number(run, name), wanted)


def _number(run: Run, name: str) -> float:
    """The value of that name; NaN, of which no comparison holds, where the run has none.

    The best value goes by the name of its metric too, such as ndcg@10.
    """
    value = run.best_value if name == run.best_metric else NUMBERS[name](run) if name in NUMBERS else None
    return math.nan if value is None else value


def _containment(word: str) -> Test | None:
    """A comparison whose number is not typed yet, and a field without its text, ask for nothing."""
    name, colon, text = word.partition(":")
    field = _text_field(name) if colon else ""
    half = _COMPARISON.match(word.casefold())
    if half and (half[1] in NUMBERS or "@" in half[1]):
        return None
    wanted = (text if field else word).replace('"', "").casefold()
    if not wanted or wanted == "-":
        return None
    if field:
        read = TEXTS[field]
        return lambda run: wanted in read(run).casefold()
    return lambda run: wanted in _searched(run)


def _searched(run: Run) -> str:
    """All that a word alone is looked for in; no word has a line break, so none is found across two parts."""
    parts = (run.name, TEXTS["state"](run), run.dataset, run.template, run.model, run.note, *run.tags)
    return "\n".join(parts).casefold()
