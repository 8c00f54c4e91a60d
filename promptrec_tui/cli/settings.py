"""Spec keys, rules and lists on a command line: `--set KEY=VALUE`, `--require A=V`, `--block-list FILE`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from promptrec_tui.errors import UserError
from promptrec_tui.workspace.settings import setting_rows

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting, such as train.epochs=3; repeat. 'promptrec run start --help' lists them.",
    ),
]


def parse_settings(texts: Iterable[str] | None) -> dict[str, str]:
    """The keys and values of `KEY=VALUE` texts. Raises UserError for any other text."""
    settings = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UserError(f"--set {text!r} is not KEY=VALUE: write for example --set train.epochs=3.")
        settings[key.strip()] = value.strip()
    return settings


def rules(option: str, texts: Iterable[str] | None) -> list[tuple[str, str]]:
    """Attributes and values of `A=V` texts of an option. Raises UserError for any other text."""
    made = []
    for text in texts or ():
        attribute, equals, value = (part.strip() for part in text.partition("="))
        if not (attribute and equals and value):
            raise UserError(f"{option} {text!r} is not A=V: write for example {option} genre=drama.")
        made.append((attribute, value))
    return made


def limits(option: str, texts: Iterable[str] | None) -> dict[str, int]:
    """Attributes and numbers of `A=N` texts of an option. Raises UserError for any other text."""
    made = {}
    for attribute, number in rules(option, texts):
        if not number.isdecimal() or int(number) < 1:
            raise UserError(f"{option} {attribute}={number} is not A=N: write for example {option} genre=2.")
        made[attribute] = int(number)
    return made


def listed(option: str, path: Path | None) -> list[str]:
    """The lines of a text file that are not blank. Raises UserError for a file that cannot be read."""
    if path is None:
        return []
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UserError(f"{option} {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{option} {path} is not UTF-8 text: save it as UTF-8, one item a line.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


class WithKeys(TyperCommand):
    """A command whose help ends with every key that `--set` takes."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the keys below the options, each with its default and its allowed values."""
        with formatter.section("Keys of --set and --config"):
            formatter.write_dl(
                [(f"{row.key}={row.default}", f"{row.why} {row.allowed}.") for row in setting_rows()],
                col_max=40,
            )
