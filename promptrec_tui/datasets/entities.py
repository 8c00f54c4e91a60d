"""Characters written as HTML writes them, such as &amp; and &#39;."""

import html
import re

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
