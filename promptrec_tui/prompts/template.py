"""A prompt template: its text, its identity, its file."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.sandbox import compiled, uses
from promptrec_tui.text import clean, did_you_mean

VARIABLES = {"next_item": {"prompt": "history", "completion": "item"}}


@dataclass(frozen=True)
class Template:
    """What the model reads (`prompt`) and what it is to answer (`completion`), as Jinja2 texts.

    `language` is "en", "zh", … or "any"; `end_token` None means the tokenizer's own end token.
    """

    name: str
    task: str
    language: str
    prompt: str
    completion: str
    end_token: str | None = None

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of everything but the name."""
        fields = {key: value for key, value in asdict(self).items() if key != "name"}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def variable(template: Template, part: str) -> str:
    """The one variable that a part ("prompt" or "completion") may use.

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
        name = variable(template, part)
        compiled(source, name, place(template, part))
        if not uses(source, name):
            raise UserError(f"{place(template, part)}, never uses {name!r}: every row would be the same.")
    if template.end_token == "":
        raise UserError(f"{place(template)} has an empty end_token: name a token, or leave the line out.")


def parse_template_file(path: Path) -> Template:
    """The template in a TOML file with the keys name, task, language, prompt, completion, end_token.

    `task` is next_item and `language` is any when absent. Raises UserError when the file is unreadable or a
    key is unknown, missing or not text; the text itself is for `check_template`.
    """
    where, known = f"Template file {clean(path.name)}", [field.name for field in fields(Template)]
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not UTF-8 (byte {error.start + 1}): save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not TOML: {error}.") from error
    for key, value in document.items():
        if key not in known:
            raise UserError(f"{where} has the unknown key {clean(key)!r}.{did_you_mean(key, known)}")
        if not isinstance(value, str):
            raise UserError(f"{where}: {key} must be text in quotes.")
    for key in ("name", "prompt", "completion"):
        if not document.get(key, "").strip():
            raise UserError(f"{where} has no {key}: add the line {key} = '…'.")
    return Template(**{"task": "next_item", "language": "any", **document})


def template_to_toml(template: Template) -> str:
    """The file of a template; `parse_template_file` reads the same template back."""
    values = asdict(template).items()
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values if value is not None)


def _toml(text: str) -> str:
    """`text` as a TOML string: literal and on lines of its own when that reads better and says the same."""
    plain = all(char in "\n\t" or (char >= " " and char != "\x7f") for char in text)
    literal = plain and "'''" not in text and not text.endswith("'")
    if literal and any(char in '\n"\\' for char in text.strip()):
        return f"'''\n{text}'''"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
