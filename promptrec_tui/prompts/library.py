"""The templates that every home begins with."""

from pathlib import Path

from promptrec_tui.prompts.template import Template, parse_template_file

FOLDER = Path(__file__).parent / "builtin"


def builtin_templates() -> list[Template]:
    """The built-in templates by name; `list`, the general one for any dataset with titles, comes first."""
    return [parse_template_file(path) for path in sorted(FOLDER.glob("*.toml"), key=lambda path: path.stem)]
