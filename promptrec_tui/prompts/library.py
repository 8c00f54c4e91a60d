"""The templates that every home begins with."""

from pathlib import Path

from promptrec_tui.prompts.template import GENERAL, VARIABLES, Template, parse_template_file

FOLDER = Path(__file__).parent / "builtin"


def builtin_templates() -> list[Template]:
    """The built-in templates, task by task: the general one first, then by name."""
    tasks = list(VARIABLES)

    def place(template: Template) -> tuple[int, bool, str]:
        return tasks.index(template.task), template.name != GENERAL[template.task], template.name

    return sorted(map(parse_template_file, FOLDER.glob("*.toml")), key=place)
