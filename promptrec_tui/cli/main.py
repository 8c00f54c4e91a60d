"""The command `promptrec`: one group per noun."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from promptrec_tui import __version__
from promptrec_tui.cli.streams import ReaderGoneError, clean_streams
from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.text import clean
from promptrec_tui.tui.notices import sentence_of

GROUPS = ("dataset", "template", "model", "run", "blend")
"""Commands that are groups: `app` of the module of that name."""

COMMANDS = {
    "recommend": "recommend",
    "classify": "classify",
    "compare": "compare",
    "demo": "demo",
    "doctor": "doctor",
    "paths": "doctor",
}
"""Single commands: `NAME_command` of that module."""


def command_app(first: str = "") -> typer.Typer:
    """The command line. Given the name of a command, that one alone: the others' modules are not imported."""
    app = typer.Typer(
        name="promptrec",
        help="Tune a language model as a recommender. Without arguments the app opens.",
        no_args_is_help=False,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(promptrec)
    known = first in GROUPS or first in COMMANDS
    for name in (first,) if known else (*GROUPS, *COMMANDS):
        module = import_module(f"promptrec_tui.cli.{COMMANDS.get(name, name)}")
        if name in GROUPS:
            app.add_typer(module.app, name=name)
        else:
            app.command(name=name)(getattr(module, f"{name}_command"))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def promptrec(
    ctx: typer.Context,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Tune a language model as a recommender. Without a command the app opens."""
    if ctx.invoked_subcommand is None:
        from promptrec_tui.tui.app import run_app

        raise typer.Exit(run_app(find_home(), ascii_only=ascii_only))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line. Exit status: 0 fine, 1 a message on stderr, 2 usage, 130 cancelled."""
    with clean_streams():
        try:
            app = command_app(next(iter(arguments), ""))
            result = app(list(arguments), prog_name="promptrec", standalone_mode=False)
            sys.stdout.flush()
        except TyperException as error:
            print(f"promptrec: {clean(_usage(error))}", file=sys.stderr)
            return error.exit_code
        except (KeyboardInterrupt, typer.Abort):
            print("promptrec: cancelled; nothing was left behind.", file=sys.stderr)
            return 130
        except ReaderGoneError:
            return 0
        except Exception as error:
            print(f"promptrec: {clean(sentence_of(error, _log()))}", file=sys.stderr)
            return 1
    return result if isinstance(result, int) else 0


def _usage(error: TyperException) -> str:
    """The error in a command line, the option that was probably meant, and where to find help."""
    said = error.format_message().rstrip()
    said = said.partition(" (Possible options:")[0]
    said += "" if said.endswith((".", "?", ")")) else "."
    context = getattr(error, "ctx", None)
    if context is None:
        return f"{said} See 'promptrec --help'."
    wanted = str(getattr(error, "option_name", "")).lstrip("-").casefold()
    options = [name for param in context.command.params for name in param.opts if name.startswith("-")]
    meant = [name for name in options if wanted and name.lstrip("-").casefold() == wanted]
    # Typer guesses by likeness alone: `--k` is meant as `-k`, not as `--block`.
    meant = meant or sorted(getattr(error, "possibilities", None) or [])
    if meant:
        said += f" Did you mean {meant[0]}?"
    return f"{said} See '{context.command_path} --help'."


def _log() -> Path:
    """The log for the details of an unexpected error; None when there is no home."""
    try:
        return find_home().root / "app.log"
    except UserError:
        return Path(os.devnull)
