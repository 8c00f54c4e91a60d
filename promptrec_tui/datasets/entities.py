"""Characters written as HTML writes them, such as &amp; and &#39;."""

import html
import re

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def entities(text: str) -> list[str]:
    """The entities in `text`, each once; what only looks like one is none."""
    if "&" not in text:
        return []
    return list(dict.fromkeys(found for found in _ENTITY.findall(text) if html.unescape(found) != found))


def without_entities(text: str) -> str:
    """`text` with the characters that its entities stand for; what was escaped twice is undone once."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text
