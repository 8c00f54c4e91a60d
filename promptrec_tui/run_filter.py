"""The filter language of the runs: `state:done ndcg@10>0.1 -model:tiny films`, on the fields of a listed run.

A word keeps runs in which some field contains it; `field:text` looks in that field alone; `number>0.1`
compares; `-` before a word keeps the others; double quotes hold words together. All words must hold. What is
half typed, such as `state:`, keeps everything, so that the list does not jump while a person types.
"""

import math
import operator
import re
from collections.abc import Callable
from typing import Protocol

from promptrec_tui.badges import badge_of

FIELDS = ("name", "state", "dataset", "template", "model", "task", "id", "reason")
"""Fields of text, each with its first letters as short forms: `d:films`."""
NUMBERS = ("best", "loss", "step")
"""Fields that compare, beside the metric of the best value by its own name, such as ndcg@10."""
SEARCHED = ("name", "state", "dataset", "template", "model")
"""Fields in which a word alone is looked for."""

_WORD = re.compile(r'(-?)((?:[^\s"]|"[^"]*"?)+)')
_COMPARISON = re.compile(r"^([a-z][a-z0-9_]*(?:@\d+)?)(>=|<=|>|<|=)(.*)$")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
}


class Run(Protocol):
    """What is read of a run."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def stalled(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def train_loss(self) -> float | None: ...
    @property
    def best_metric(self) -> str: ...
    @property
    def best_value(self) -> float | None: ...


Test = Callable[[Run], bool]


def run_filter(text: str) -> Test:
    """Whether a run has all that the words of `text` ask for."""
    tests = [test for negated, word in _WORD.findall(text) if (test := _test(word, bool(negated)))]
    return lambda run: all(test(run) for test in tests)


def _test(word: str, negated: bool) -> Test | None:
    """What one word asks for; None for one that is half typed."""
    test = _comparison(word) or _containment(word)
    if test is None or not negated:
        return test
    return lambda run: not test(run)


def _comparison(word: str) -> Test | None:
    match = _COMPARISON.match(word.casefold())
    if not match:
        return None
    name, sign, text = match.groups()
    try:
        wanted = float(text)
    except ValueError:
        return None
    return lambda run: _COMPARE[sign](_number(run, name), wanted)


def _number(run: Run, name: str) -> float:
    """The value of that name; NaN, of which no comparison holds, where the run has none."""
    values = {"loss": run.train_loss, "step": float(run.step), "best": run.best_value}
    values[run.best_metric] = run.best_value
    value = values.get(name)
    return math.nan if value is None else value


def _containment(word: str) -> Test | None:
    """A comparison whose number is not typed yet, and a field without its text, ask for nothing."""
    name, colon, text = word.partition(":")
    fields = [field for field in FIELDS if name and field.startswith(name.casefold())] if colon else []
    half = _COMPARISON.match(word.casefold())
    if half and (half[1] in NUMBERS or "@" in half[1]):
        return None
    wanted = (text if fields else word).replace('"', "").casefold()
    if not wanted or wanted == "-":
        return None
    return lambda run: any(wanted in _text(run, field).casefold() for field in fields[:1] or SEARCHED)


def _text(run: Run, field: str) -> str:
    if field == "state":
        return badge_of(run.state, run.stalled).word
    return str(getattr(run, field))
