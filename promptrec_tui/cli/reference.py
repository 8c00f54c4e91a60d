"""The command table of the documentation, generated from the commands."""

from collections.abc import Iterator

import typer.main

from promptrec_tui.cli.main import command_app


def command_table() -> str:
    """A Markdown table: each command with its arguments, what it does, and * where it takes `--json`."""
    rows = ["| command | what it does |", "|---|---|"]
    for words, summary, takes_json in _commands():
        rows.append(f"| `{words}`{' *' if takes_json else ''} | {summary} |")
    return "\n".join(rows)


def _commands() -> Iterator[tuple[str, str, bool]]:
    root = typer.main.get_command(command_app())
    for name, command in sorted(getattr(root, "commands", {}).items()):
        children = getattr(command, "commands", None)
        for child_name, child in children.items() if children else [("", command)]:
            if child.hidden:
                continue
            arguments = [
                (parameter.metavar or parameter.name or "").upper()
                for parameter in child.params
                if parameter.param_type_name == "argument"
            ]
            words = " ".join(["promptrec", name, *([child_name] if child_name else []), *arguments])
            takes_json = any("--json" in parameter.opts for parameter in child.params)
            yield words, (child.help or "").strip().split("\n")[0], takes_json


if __name__ == "__main__":
    print(command_table())
