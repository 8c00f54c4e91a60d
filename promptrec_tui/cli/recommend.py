"""`promptrec recommend`: the next items for a user, or for a history of titles."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from promptrec_tui.cli.output import JsonOption, print_json, print_table, workspace
from promptrec_tui.cli.settings import limits, listed, rules
from promptrec_tui.text import percent
from promptrec_tui.workspace.recommend import recommend


def recommend_command(
    run: Annotated[str, typer.Argument(help="Name or id of a run.")],
    user: Annotated[str | None, typer.Option("--user", help="A user of the run's dataset.")] = None,
    history: Annotated[
        list[str] | None,
        typer.Option("--history", metavar="TITLE", help="A title seen; repeat, oldest first."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    untuned: Annotated[
        bool, typer.Option("--untuned", help="Ask the base model without the adapter.")
    ] = False,
    blend: Annotated[
        bool, typer.Option("--blend", help="Rank by the model and the run's baselines together.")
    ] = False,
    require: Annotated[
        list[str] | None,
        typer.Option("--require", metavar="A=V", help="Only items with this value of an attribute; repeat."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="A=V", help="No items with this value of an attribute; repeat."),
    ] = None,
    at_most: Annotated[
        list[str] | None,
        typer.Option("--at-most", metavar="A=N", help="N items for each value of an attribute; repeat."),
    ] = None,
    block: Annotated[
        list[str] | None,
        typer.Option("--block", metavar="TITLE", help="An item never to recommend; repeat."),
    ] = None,
    block_list: Annotated[
        Path | None, typer.Option("--block-list", help="A text file of such items, one a line.")
    ] = None,
    popularity_penalty: Annotated[
        float,
        typer.Option("--popularity-penalty", help="Times log(1 + events) that an item loses."),
    ] = 0.0,
    token_ids: Annotated[
        bool, typer.Option("--token-ids", help="Show the token ids of prompt and titles.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Recommend the next items; seen items are excluded."""
    with workspace() as here:
        answer = recommend(
            here,
            run,
            user=user,
            titles=history or (),
            k=k,
            untuned=untuned,
            blend=blend,
            require=rules("--require", require),
            exclude=rules("--exclude", exclude),
            at_most=limits("--at-most", at_most),
            block=[*(block or ()), *listed("--block-list", block_list)],
            popularity_penalty=popularity_penalty,
        )
    items = [asdict(item) for item in answer.items]
    scored = blend or popularity_penalty > 0
    if not scored:
        for item in items:
            del item["score"]
    if not as_json:
        rows = [
            {
                "rank": number,
                **item,
                "P": None if item["probability"] is None else percent(item["probability"]),
            }
            for number, item in enumerate(items, 1)
        ]
        chance = ("P",) if any(item["probability"] is not None for item in items) else ()
        columns = ["rank", "title", *(["score"] if scored else []), *chance, "logprob", "key"]
        columns += ["token_ids"] if token_ids else []
        print_table(rows, columns, "Nothing is left to recommend.")
        return
    document = {
        "prompt": answer.prompt,
        "prompt_token_ids": list(answer.prompt_token_ids),
        "items": items,
        "nodes": answer.nodes,
    }
    if not token_ids:
        del document["prompt_token_ids"]
        for item in items:
            del item["token_ids"]
    print_json(document)
