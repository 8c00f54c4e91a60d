"""What a field of a form is for, in one line."""

from dataclasses import dataclass

from textual.content import Content

from promptrec_tui.text import clean


@dataclass(frozen=True)
class FieldHelp:
    """Why one would fill it in, the option of the command that does the same, and what is allowed."""

    why: str
    option: str = ""
    allowed: str = ""


def help_line(help: FieldHelp, default: str = "", origin: str = "default") -> Content:
    """`Passes over the training targets.  train.epochs: a whole number, at least 1; default 3`."""
    facts = [help.allowed, f"{origin} {clean(default)}" if default else ""]
    told = "; ".join(fact for fact in facts if fact)
    option = f"{help.option}: " if help.option and told else help.option
    return Content.assemble(help.why, "  ", (option, "$accent"), (told, "dim"))
