"""A prompt template: its fields, their check, and the TOML file.

`Template` is the only list of these fields. The catalogue's table and rows, the reference in `run.json`,
drafts, the TOML file and the form of the studio are derived from it, so that a new field is written here and
in a migration of the catalogue.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean, did_you_mean, is_harmless

VARIABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "next_item": {"prompt": ("history", "shots"), "completion": ("item",)},
    "classify": {"prompt": ("example", "labels", "shots"), "completion": ("label",)},
}
"""What each part of a task's templates may use; the first it must use, or every row would be the same."""

GENERAL = {"next_item": "list", "classify": "label"}
"""By task, the built-in template that works with any dataset of that task."""

Texts = Mapping[str, str]
"""The type of a field that is a table of texts. Other fields of a template are `str` or `str | None`."""

ABSENT = {"task": "next_item", "language": "any"}
"""The keys without a default that a TOML file may leave out, and their values then."""


@dataclass(frozen=True)
class Template:
    """What the model reads (`prompt`) and what it is to answer (`completion`), as Jinja2 texts.

    `language` is "en", "zh", … or "any"; `end_token` None means the tokenizer's own end token. `wrap` "chat"
    makes the prompt a user's turn and the completion the assistant's, after `system`, by the model's own chat
    template; "auto" does so where the model has one and no `end_token` is named. `verbalizers`: what a label
    is called in completions; others are called by their name.

    A new field needs a default, which is what older files, rows and runs mean. With a `label` in its metadata
    it is shown and edited as a text.
    """

    WRAPS: ClassVar = ("auto", "plain", "chat")

    name: str
    task: str
    language: str
    system: str = field(default="", kw_only=True, metadata={"label": "system text, for chats"})
    prompt: str = field(metadata={"label": "prompt"})
    completion: str = field(metadata={"label": "completion, which is trained"})
    end_token: str | None = None
    wrap: str = "auto"
    verbalizers: Texts = field(default_factory=dict, hash=False)

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of all fields but the name."""
        values = {}
        for entry in fields(Template)[1:]:
            value = getattr(self, entry.name)
            # Runs know their templates by hashes from before there were the fields behind `end_token`: a
            # default is left out. A table counts in its order.
            if entry.name == "end_token" or value != default_of(entry):
                values[entry.name] = list(value.items()) if isinstance(value, Mapping) else value
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    @classmethod
    def text_fields(cls) -> "list[Field[str]]":
        """The fields that people read and edit as texts of several lines, by their `label`."""
        return [entry for entry in fields(cls) if "label" in entry.metadata]


Kind = TypeVar("Kind", bound=Template)


def template_as(kind: type[Kind], source: object, **others: Any) -> Kind:
    """`source` (a template, a row, a reference) as a `kind` of template; `others` are fields it lacks."""
    names = [entry.name for entry in fields(kind) if entry.name not in others]
    return kind(**{name: getattr(source, name) for name in names}, **others)


def default_of(entry: "Field[Any]") -> Any:
    """The default of a field; MISSING for one without."""
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


def variables(template: Template, part: str) -> tuple[str, ...]:
    """The variables that a part ("prompt" or "completion") may use.

    Raises UserError for an unknown task.
    """
    if template.task not in VARIABLES:
        raise UserError(
            f"{place(template)} is for the task {clean(template.task)!r}, which is none of "
            f"{', '.join(VARIABLES)}: change its task.{did_you_mean(template.task, VARIABLES)}"
        )
    return VARIABLES[template.task][part]


def place(template: Template, part: str = "") -> str:
    """How an error names a template, or a part of it."""
    return f"Template {clean(template.name)!r}{', ' if part else ''}{part}"


def check_template(template: Template) -> None:
    """Raise UserError, with line and column where there is one, unless the template can be rendered.

    The completion of `next_item` may use `item` only: it is rendered once per item, for the whole catalogue.
    """
    # Processes that only read what a run is do not need Jinja2.
    from promptrec_tui.prompts.sandbox import compiled, uses

    for part, source in (("prompt", template.prompt), ("completion", template.completion)):
        names = variables(template, part)
        compiled(source, names, place(template, part))
        if not uses(source, names[0]):
            raise UserError(f"{place(template, part)}, never uses {names[0]!r}: every row would be the same.")
    if template.end_token == "":
        raise UserError(f"{place(template)} has an empty end_token: name a token, or leave the line out.")
    if template.wrap not in template.WRAPS:
        raise UserError(
            f"{place(template)} has the wrap {clean(template.wrap)!r}, which is none of "
            f"{', '.join(template.WRAPS)}: choose one.{did_you_mean(template.wrap, template.WRAPS)}"
        )
    if template.wrap == "chat" and template.end_token is not None:
        raise UserError(f"{place(template)} is a chat, whose turns end by themselves: leave end_token out.")
    texts = list(template.verbalizers.values())
    if twice := next((text for text in texts if texts.count(text) > 1), None):
        raise UserError(f"{place(template)} calls two labels {clean(twice)!r}: give each its own text.")


def parse_template_file(path: Path) -> Template:
    """The template in a TOML file with the fields of `Template` as keys.

    `task` is next_item and `language` is any when absent. Raises UserError when the file is unreadable or a
    key is unknown, missing or of the wrong type; the text itself is for `check_template`.
    """
    where = f"Template file {clean(path.name)}"
    try:
        return parse_template(path.read_text(encoding="utf-8"), where)
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not UTF-8 (byte {error.start + 1}): save it as UTF-8.") from error


def parse_template(text: str, where: str) -> Template:
    """The template in the text of a TOML file, which errors call `where`; as `parse_template_file`."""
    known = {entry.name: entry for entry in fields(Template)}
    try:
        document = {**ABSENT, **tomllib.loads(text)}
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not TOML: {error}.") from error
    for key, value in document.items():
        if key not in known:
            raise UserError(f"{where} has the unknown key {clean(key)!r}.{did_you_mean(key, known)}")
        if known[key].type == Texts:
            if not (isinstance(value, dict) and all(isinstance(text, str) for text in value.values())):
                raise UserError(f"{where}: {key} must be a table of texts, such as positive = 'good'.")
        elif not isinstance(value, str):
            raise UserError(f"{where}: {key} must be text in quotes.")
    for key, entry in known.items():
        if key not in ABSENT and default_of(entry) is MISSING and not document.get(key, "").strip():
            raise UserError(f"{where} has no {key}: add the line {key} = '…'.")
    return Template(**document)


def template_to_toml(template: Template) -> str:
    """The file of a template; `parse_template_file` reads the same template back."""
    lines, tables = [], []
    for entry in fields(Template):
        value = getattr(template, entry.name)
        if value == default_of(entry):
            continue
        if isinstance(value, Mapping):
            tables += [f"\n[{entry.name}]\n"]
            tables += [f"{_string(key)} = {_toml(text)}\n" for key, text in value.items()]
        else:
            lines.append(f"{entry.name} = {_toml(value)}\n")
    # In TOML all keys behind the head of a table belong to it.
    return "".join([*lines, *tables])


def _toml(text: str) -> str:
    """`text` as a TOML string: literal and on lines of its own when that reads better and says the same."""
    plain = all(char == "\n" or is_harmless(char) for char in text)
    literal = plain and "'''" not in text and not text.endswith("'")
    if literal and any(char in '\n"\\' for char in text.strip()):
        return f"'''\n{text}'''"
    return _string(text)


def _string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    # What a terminal would act on is escaped: a file that was printed reads the same.
    return "".join(char if is_harmless(char) else f"\\u{ord(char):04x}" for char in quoted)
