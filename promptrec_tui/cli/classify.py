"""`promptrec classify`: the labels of texts."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from promptrec_tui.cli.output import (
    JsonOption,
    ProgressOption,
    ProgressStyle,
    print_json,
    print_table,
    progress_writer,
    workspace,
)
from promptrec_tui.errors import UserError
from promptrec_tui.workspace.classify import ScoredText, classify

SHOWN_LABELS = 10


def classify_command(
    run: Annotated[str, typer.Argument(help="Name or id of a run.")],
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="The texts; - reads stdin, one on each line.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A file with a text on each line, UTF-8.")
    ] = None,
    untuned: Annotated[
        bool, typer.Option("--untuned", help="Ask the base model without the adapter.")
    ] = False,
    as_json: JsonOption = False,
    progress: ProgressOption = ProgressStyle.auto,
) -> None:
    """Give texts their labels, with the probability of each label."""
    asked = [text for given in texts or () for text in (_lines("-") if given == "-" else [given])]
    asked += _lines(file) if file else []
    with workspace() as here:
        answers = classify(here, run, asked, untuned=untuned, progress=progress_writer(progress))
    if as_json:
        print_json([asdict(each) for each in answers])
    elif len(answers) == 1:
        _print_one(answers[0])
    else:
        _print_many(answers)


def _lines(source: Path | str) -> list[str]:
    """The lines of a file, or of stdin for "-", without blank ones. Raises UserError if it cannot be read."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"The file {source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        place = "stdin" if source == "-" else f"the file {source}"
        raise UserError(
            f"The text of {place} is no UTF-8 (byte {error.start + 1}): convert it, for example with iconv."
        ) from None
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def _print_one(answer: ScoredText) -> None:
    """The most likely labels of one text."""
    likely = sorted(answer.probabilities.items(), key=lambda entry: -entry[1])
    rows: list[dict[str, Any]] = [{"label": label, "probability": value} for label, value in likely]
    print_table(rows[:SHOWN_LABELS], ("label", "probability"), "")
    if len(rows) > SHOWN_LABELS:
        print(f"and {len(rows) - SHOWN_LABELS} more labels (--json has all)")
    if answer.cut:
        print(f"The text was cut to {answer.cut:,} tokens: the model reads no more.")


def _print_many(answers: Sequence[ScoredText]) -> None:
    """One line for each text."""
    rows = [
        {"label": each.label, "probability": each.probabilities[each.label], "text": each.text}
        for each in answers
    ]
    print_table(rows, ("label", "probability", "text"), "")
    if cut := [each.cut for each in answers if each.cut]:
        print(
            f"{len(cut):,} of {len(answers):,} texts were cut to {max(cut):,} tokens: "
            "the model reads no more (--json says which)."
        )
