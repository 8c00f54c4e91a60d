"""A prompt template: its text, its identity, its file."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.sandbox import compiled, uses
from promptrec_tui.text import clean, did_you_mean, is_harmless

VARIABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "next_item": {"prompt": ("history", "shots"), "completion": ("item",)},
    "classify": {"prompt": ("example", "labels", "shots"), "completion": ("label",)},
}
"""What each part of a task's templates may use; the first it must use, or every row would be the same."""

WRAPS = ("auto", "plain", "chat")


@dataclass(frozen=True)
class Template:
    """What the model reads (`prompt`) and what it is to answer (`completion`), as Jinja2 texts.

    `language` is "en", "zh", … or "any"; `end_token` None means the tokenizer's own end token. `wrap` "chat"
    makes the prompt a user's turn and the completion the assistant's, after `system`, by the model's own chat
    template; "auto" does so where the model has one and no `end_token` is named. `verbalizers`: what a label
    is called in completions, as (label, text) pairs; others are called by their name.
    """

    name: str
    task: str
    language: str
    prompt: str
    completion: str
    end_token: str | None = None
    wrap: str = "auto"
    system: str = ""
    verbalizers: tuple[tuple[str, str], ...] = ()

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of everything but the name."""
        fields = {key: value for key, value in asdict(self).items() if key != "name"}
        # Runs know their templates by hashes from before there was anything of these.
        for key, default in (("wrap", "auto"), ("system", ""), ("verbalizers", ())):
            if fields[key] == default:
                del fields[key]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


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
    for part, source in (("prompt", template.prompt), ("completion", template.completion)):
        names = variables(template, part)
        compiled(source, names, place(template, part))
        if not uses(source, names[0]):
            raise UserError(f"{place(template, part)}, never uses {names[0]!r}: every row would be the same.")
    if template.end_token == "":
        raise UserError(f"{place(template)} has an empty end_token: name a token, or leave the line out.")
    if template.wrap not in WRAPS:
        raise UserError(
            f"{place(template)} has the wrap {clean(template.wrap)!r}, which is none of {', '.join(WRAPS)}: "
            f"choose one.{did_you_mean(template.wrap, WRAPS)}"
        )
    if template.wrap == "chat" and template.end_token is not None:
        raise UserError(f"{place(template)} is a chat, whose turns end by themselves: leave end_token out.")
    texts = [text for _, text in template.verbalizers]
    if twice := next((text for text in texts if texts.count(text) > 1), None):
        raise UserError(f"{place(template)} calls two labels {clean(twice)!r}: give each its own text.")


def parse_template_file(path: Path) -> Template:
    """The template in a TOML file with the fields of `Template` as keys, `verbalizers` as a table of texts.

    `task` is next_item and `language` is any when absent. Raises UserError when the file is unreadable or a
    key is unknown, missing or not text; the text itself is for `check_template`.
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
    known = [field.name for field in fields(Template)]
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not TOML: {error}.") from error
    for key, value in document.items():
        if key not in known:
            raise UserError(f"{where} has the unknown key {clean(key)!r}.{did_you_mean(key, known)}")
        if key == "verbalizers":
            if not (isinstance(value, dict) and all(isinstance(text, str) for text in value.values())):
                raise UserError(f"{where}: verbalizers must be a table of texts, such as positive = 'good'.")
            document[key] = tuple(value.items())
        elif not isinstance(value, str):
            raise UserError(f"{where}: {key} must be text in quotes.")
    for key in ("name", "prompt", "completion"):
        if not document.get(key, "").strip():
            raise UserError(f"{where} has no {key}: add the line {key} = '…'.")
    return Template(**{"task": "next_item", "language": "any", **document})


def template_to_toml(template: Template) -> str:
    """The file of a template; `parse_template_file` reads the same template back."""
    defaults = {"wrap": "auto", "system": ""}
    values = [(key, value) for key, value in asdict(template).items() if value != defaults.get(key)]
    lines = [f"{key} = {_toml(value)}\n" for key, value in values if isinstance(value, str)]
    if template.verbalizers:
        pairs = [f"{_string(label)} = {_toml(text)}\n" for label, text in template.verbalizers]
        lines += ["\n[verbalizers]\n", *pairs]
    return "".join(lines)


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
