"""Variants of a template, to measure the effect of its words and of the order of its history."""

import re
from dataclasses import replace

from promptrec_tui.prompts.sandbox import SANDBOX
from promptrec_tui.prompts.template import Template

WORD = re.compile(r"\w+(?:['’-]\w+)*")
LOOP = re.compile(r"(\bin\s+(?:shot\.)?history(?:\[[^\]]*\])?)(?!\s*\|)")


def words(template: Template) -> list[str]:
    """The words of the prompt outside its tags and values, in order, each once.

    Chinese text between two punctuation marks counts as one word.
    """
    said = " ".join(text for kind, text in _pieces(template.prompt) if kind == "data")
    return list(dict.fromkeys(WORD.findall(said)))


def without(template: Template, word: str) -> Template:
    """The template without a word of its prompt, at each place, and without one space beside it."""
    gone = re.compile(rf"\b{re.escape(word)}\b | ?\b{re.escape(word)}\b")
    text = [gone.sub("", text) if kind == "data" else text for kind, text in _pieces(template.prompt)]
    return replace(template, name=f"{template.name}, without {word!r}", prompt="".join(text))


def newest_first(template: Template) -> Template | None:
    """The template with its history reversed; None where no plain loop over the history is found."""
    prompt, count = LOOP.subn(r"\1 | reverse", template.prompt)
    return replace(template, name=f"{template.name}, newest first", prompt=prompt) if count else None


def _pieces(source: str) -> list[tuple[str, str]]:
    """The text as (kind, text) pieces, which add up to it; the kind of literal text is "data"."""
    return [(kind, text) for _, kind, text in SANDBOX.lex(source)]
