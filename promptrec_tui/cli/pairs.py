"""Spec keys on a command line: `--set KEY=VALUE`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from promptrec_tui.errors import UserError

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A spec key, such as train.epochs=3."),
]


def pairs(texts: Iterable[str] | None) -> dict[str, str]:
    """The keys and values of `KEY=VALUE` texts. Raises UserError for any other text."""
    found = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UserError(f"--set {text!r} is not KEY=VALUE: write for example --set train.epochs=3.")
        found[key.strip()] = value.strip()
    return found
