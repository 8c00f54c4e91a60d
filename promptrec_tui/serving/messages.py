"""The requests to a scorer and its answers, each a JSON object; they do not depend on the transport.

A request has its `verb` and the fields of the verb's dataclass, an answer the fields of one of the
dataclasses below; both have the `id` that the client chose. Client and scorer import this module; it loads
no model.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeVar

from promptrec_tui.errors import UserError
from promptrec_tui.files import parse_json
from promptrec_tui.text import clean, did_you_mean
from promptrec_tui.typed import Count, build

A = TypeVar("A")

ITEMS = Count(10)
"""How many items an answer has unless the request says otherwise."""


@dataclass(frozen=True)
class TopK:
    """The `k` best items after a history of item keys, oldest first; also the rank of `target`, if given.

    `untuned`: ask the base model without the adapter. `exclude_seen`: leave out the items of the history.
    `blend`: rank by the model and the run's baselines together. `require`, `exclude`: pairs of an attribute
    and a value that items must have, or must not have. `at_most`: by attribute, how many items may share a
    value. `block`: keys of items that are never recommended. `popularity_penalty`: the number by which
    log(1 + events of the item) is multiplied and taken from its score.
    """

    verb: ClassVar[str] = "top_k"
    task: ClassVar[str] = "next_item"
    history: tuple[str, ...]
    k: Count = ITEMS
    target: str | None = None
    untuned: bool = False
    exclude_seen: bool = True
    blend: bool = False
    require: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[tuple[str, ...], ...] = ()
    at_most: Mapping[str, Count] = field(default_factory=dict)
    block: tuple[str, ...] = ()
    popularity_penalty: float = 0.0


@dataclass(frozen=True)
class Rank:
    """The score and the rank of the item `target` after a history."""

    verb: ClassVar[str] = "rank"
    task: ClassVar[str] = "next_item"
    history: tuple[str, ...]
    target: str
    untuned: bool = False
    exclude_seen: bool = True


@dataclass(frozen=True)
class Scores:
    """The scores of all items after a history; also the rank of `target`, if given."""

    verb: ClassVar[str] = "scores"
    task: ClassVar[str] = "next_item"
    history: tuple[str, ...]
    target: str | None = None
    untuned: bool = False
    exclude_seen: bool = True


@dataclass(frozen=True)
class Classify:
    """The probabilities of all labels for each text.

    Where the texts of the run's dataset differ in several fields, each text is a JSON object of these.
    """

    verb: ClassVar[str] = "classify"
    task: ClassVar[str] = "classify"
    texts: tuple[str, ...]
    untuned: bool = False


Request = TopK | Rank | Scores | Classify
REQUESTS: Mapping[str, type[Request]] = {kind.verb: kind for kind in (TopK, Rank, Scores, Classify)}


@dataclass(frozen=True)
class Ready:
    """The first message of a scorer: its model is loaded. `adapter`: as answers name it."""

    device: str
    adapter: str | None = None
    ready: bool = True


@dataclass(frozen=True)
class Refusal:
    """The reason why there is no answer, in one sentence."""

    error: str


@dataclass(frozen=True)
class ScoredItem:
    """One item. `logprob`: its score in nats, as the run's `evaluation.score` defines it; None for a NaN.

    `probability`: calibrated where the run has fitted a temperature; None where scores are no probabilities.
    `score`: what a blend ranks it by; None without a blend.
    """

    key: str
    title: str
    logprob: float | None
    token_ids: tuple[int, ...]
    probability: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class Ranking:
    """Items after a history, best first (`Scores`: in the order of the catalogue).

    `adapter`: "result", or the checkpoint whose weights were used; None for the untuned model. `dropped`: how
    many items of the history the prompt does not show. `rank`: of the target; ties give halves. `nodes`:
    beginnings of titles that the model has read.
    """

    prompt: str
    prompt_token_ids: tuple[int, ...]
    dropped: int
    items: tuple[ScoredItem, ...]
    adapter: str | None = None
    rank: float | None = None
    nodes: int = 0


@dataclass(frozen=True)
class ScoredText:
    """A text as it was asked, its most likely label, and P of each label; they add up to 1.

    `cut`: the number of tokens that the model read of a prompt that was longer; None: it read the whole.
    """

    text: str
    label: str
    probabilities: Mapping[str, float]
    cut: Count | None = None


@dataclass(frozen=True)
class Labelling:
    """The labels of some texts, in their order. `adapter`: as in `Ranking`."""

    texts: tuple[ScoredText, ...]
    adapter: str | None = None


Answer = Ranking | Labelling


def write(message: Request | Answer | Ready | Refusal, **head: Any) -> str:
    """A message as one line of JSON, without its end; `head` (id, verb) goes first.

    A lone surrogate, as in arguments that are not UTF-8, becomes "?".
    """
    text = json.dumps({**head, **asdict(message)}, ensure_ascii=False)
    return text.encode(errors="replace").decode()


def read_object(line: str) -> Mapping[str, Any]:
    """The JSON object of a line. Raises UserError when it is something else."""
    try:
        value = parse_json(line.encode(errors="replace"))
    except ValueError as error:
        raise UserError(f"A message must be a JSON object on one line, and this is none: {error}.") from None
    if not isinstance(value, Mapping):
        raise UserError("A message must be a JSON object on one line.")
    return value


def read_request(value: Mapping[str, Any]) -> Request:
    """The request that an object is. Raises UserError for an unknown verb and for wrong or missing fields."""
    verb = value.get("verb")
    kind = REQUESTS.get(verb) if isinstance(verb, str) else None
    if kind is None:
        raise UserError(
            f"There is no verb {clean(str(verb))[:40]!r}: ask for {', '.join(REQUESTS)}."
            f"{did_you_mean(str(verb), REQUESTS)}"
        )
    try:
        return build(kind, value)
    except ValueError as error:
        raise UserError(f"The request {verb!r} cannot be read: {clean(str(error))}.") from None


def read_answer(kind: type[A], value: Mapping[str, Any]) -> A:
    """The answer of a `kind` that an object is. Raises UserError for a refusal and for wrong fields."""
    if "error" in value:
        raise UserError(str(value["error"]))
    try:
        return build(kind, value)
    except ValueError as error:
        raise UserError(f"The scorer's answer cannot be read: {clean(str(error))}.") from None
