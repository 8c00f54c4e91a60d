"""Texts that are written wrong: traces of a wrong encoding, and HTML entities."""

import html
import re

_BROKEN = re.compile(
    "|".join(
        (
            "\ufffd+",  # what decoders write for bytes they cannot read
            "[\u00c2\u00c3][\u0080-\u00bf]",  # UTF-8 read as Latin-1: Ã© for é
            "\u00e2\u20ac[\u0080-\u00bf\u0152\u0153\u0161\u017e\u02dc\u2013-\u203a\u20ac\u2122]",  # â€™ for ’
            "\u00ef\u00bb\u00bf",  # a byte order mark read as Latin-1
            "[\u251c\u252c][\u0080-\u2592]",  # UTF-8 read as code page 437: ├ñ for ä
            "(?<=[^\\W\\d_])\\+[\u00a0-\u024f]",  # the same with its frame lost: l+ñ for lä
            "\\+[\u00a0-\u024f](?=[^\\W\\d_])",
            "[\u0080-\u009f]",  # control characters of Latin-1, which no text has
        )
    )
)
_ASCII_ONLY = re.compile(r"[^\x00-\x7f]")


def broken_parts(text: str) -> list[str]:
    """The pieces of `text` that look broken, each once; not every one is."""
    if not _ASCII_ONLY.search(text):
        return []
    return list(dict.fromkeys(match[0] for match in _BROKEN.finditer(text)))


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def entities(text: str) -> list[str]:
    """The entities in `text`, each once; what only looks like one is none."""
    if "&" not in text:
        return []
    return list(dict.fromkeys(found for found in _ENTITY.findall(text) if _character(found) != found))


def without_entities(text: str) -> str:
    """`text` with the characters that its entities stand for; what was escaped twice is undone once."""
    return _ENTITY.sub(lambda found: _character(found[0]), text) if "&" in text else text


def _character(entity: str) -> str:
    """What an entity stands for; itself where that is no character, a space for an end of line."""
    found = html.unescape(entity)
    if found.isspace():
        return " "
    return found if found and found.isprintable() and found != "\ufffd" else entity
