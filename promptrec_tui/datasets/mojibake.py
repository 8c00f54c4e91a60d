"""Characters that a wrong encoding leaves behind: replacement characters and mojibake."""

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
