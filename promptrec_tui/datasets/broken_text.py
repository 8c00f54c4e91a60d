"""Texts that are written wrong: traces of a wrong encoding (mojibake), and HTML entities."""

import html
import re
import string
from collections.abc import Iterator

_LOST = re.compile(
    "|".join(
        (
            "\ufffd+",  # what decoders write for bytes they cannot read
            "(?<=[^\\W\\d_])\\+[\u00a0-\u024f]",  # UTF-8 read as code page 437, its frame lost: l+ñ for lä
            "\\+[\u00a0-\u024f](?=[^\\W\\d_])",
        )
    )
)
"""Damage that cannot be undone, which ftfy therefore does not look for."""

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def broken_parts(text: str) -> list[str]:
    """The pieces of `text` that look like mojibake, each once; a few of them may be meant."""
    return [] if text.isascii() else list(dict.fromkeys(_broken_parts(text)))


def _broken_parts(text: str) -> Iterator[str]:
    from ftfy.badness import BADNESS_RE

    for pattern in (BADNESS_RE, _LOST):
        for match in pattern.finditer(text):
            # Some of ftfy's patterns take in a letter or a space beside the damage.
            yield match[0].strip(string.printable) or match[0]


def entities(text: str) -> list[str]:
    """The HTML entities in `text`, each once; an unknown name is not an entity."""
    if "&" not in text:
        return []
    return list(dict.fromkeys(entity for entity in _ENTITY.findall(text) if _character(entity) != entity))


def without_entities(text: str) -> str:
    """`text` with the characters that its entities stand for; what was escaped twice is unescaped once."""
    return _ENTITY.sub(lambda match: _character(match[0]), text) if "&" in text else text


def _character(entity: str) -> str:
    """The character of an entity, a space for a line end; the entity itself where it has no printable one.

    ftfy's `unescape_html` would put line ends and replacement characters into titles.
    """
    character = html.unescape(entity)
    if character.isspace():
        return " "
    return character if character and character.isprintable() and character != "\ufffd" else entity
