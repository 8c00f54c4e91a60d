"""`promptrec dataset lint`, `stats`, `splits`, `clean`: inspect a dataset, and make a cleaned one from it."""

from dataclasses import asdict
from typing import Annotated

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
from promptrec_tui.text import clean
from promptrec_tui.workspace.cleaning import clean_dataset
from promptrec_tui.workspace.inspection import dataset_splits, dataset_statistics, lint_dataset

BAR_WIDTH = 40


def lint_command(
    dataset: str, progress: ProgressOption = ProgressStyle.auto, as_json: JsonOption = False
) -> None:
    """Check for what would spoil an experiment: ties, leaks, duplicates, broken or private texts."""
    with workspace() as here:
        lints = lint_dataset(here, dataset, progress_writer(progress))
    if as_json:
        print_json([asdict(lint) for lint in lints])
        return
    for lint in lints:
        print(f"{lint.severity}: {clean(lint.finding)}")
        for example in lint.examples:
            print(f"    {example}")
        print(f"  -> {lint.way_on}\n")
    print(f"{len(lints)} findings." if lints else "Nothing found.")


def stats_command(
    dataset: str, progress: ProgressOption = ProgressStyle.auto, as_json: JsonOption = False
) -> None:
    """Show counts, density, histograms, the most and the least popular items."""
    with workspace() as here:
        statistics = dataset_statistics(here, dataset, progress_writer(progress))
    if as_json:
        print_json(asdict(statistics))
        return
    counts = {"users": statistics.users, "items": statistics.items, "interactions": statistics.interactions}
    counts["examples"] = statistics.examples
    print(
        "  ".join(f"{noun} {count:,}" for noun, count in counts.items()), f" density {statistics.density:.3%}"
    )
    for histogram in statistics.histograms:
        print(f"\n{clean(histogram.title)}: {histogram.note}")
        most = max(bar.count for bar in histogram.bars)
        rows = [
            {"": "  " + bar.label, "count": bar.count, " ": "#" * round(bar.count / max(most, 1) * BAR_WIDTH)}
            for bar in histogram.bars
        ]
        print_table(rows, ("", "count", " "), "")
    for heading, items in (("most popular", statistics.top), ("least popular", statistics.tail)):
        if items:
            print(f"\n{heading}")
            print_table([asdict(item) for item in items], ("events", "title", "key"), "")


def splits_command(
    dataset: str, progress: ProgressOption = ProgressStyle.auto, as_json: JsonOption = False
) -> None:
    """Show the result of each split policy, and how many targets depend on ties."""
    with workspace() as here:
        rows = [asdict(split) for split in dataset_splits(here, dataset, progress_writer(progress))]
    if as_json:
        print_json(rows)
        return
    shown = [
        {**row, "tied": f"{row['tied']:.1%}", "runs": "yes" if row["usable"] else "not yet"} for row in rows
    ]
    columns = ("policy", "training", "validation", "test", "users", "tied", "runs", "about")
    print_table(shown, columns, "The dataset has no interactions and no labelled texts to split.")


def clean_command(
    dataset: str,
    steps: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="NAME=CHOICE", help="A step, such as kcore=5; in the order given."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the new dataset.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what each step does; write nothing.")
    ] = False,
    progress: ProgressOption = ProgressStyle.auto,
    as_json: JsonOption = False,
) -> None:
    """Make a new dataset from another one, step by step; the old one stays.

    Steps: times=seconds, dedupe=first|last, repeats=first|last, rating=N (from N on is liked), untitled=drop,
    titles=tidy|articles|merge, kcore=N or N,M (users, items), unseen=drop, entities=unescape,
    texts=once, users=pseudonyms.
    """
    if name is None and not dry_run:
        raise UserError("Give the new dataset a name with --name, or only count with --dry-run.")
    with workspace() as here:
        made = clean_dataset(here, dataset, None if dry_run else name, steps or [], progress_writer(progress))
    if as_json:
        effects = [{**asdict(effect), "sentence": effect.sentence} for effect in made.effects]
        print_json({**asdict(made.row or made.counts), "effects": effects})
        return
    for effect in made.effects:
        print(effect.sentence)
    left = ", ".join(f"{count:,} {noun}" for noun, count in asdict(made.counts).items() if count)
    print(f"{clean(made.row.name) if made.row else 'It would leave'}: {left}")
