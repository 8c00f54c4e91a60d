"""A chart as a PNG picture, drawn from its SVG by resvg, which is installed if wanted."""

from promptrec_tui.errors import UserError

ZOOM = 2
"""Pixels for each unit of the SVG, so that text is sharp on paper and on fine screens."""

FAMILIES = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans", "Noto Sans", "Ubuntu", "Cantarell")
"""Fonts for the numbers, the first one that the machine has: resvg knows no sans-serif of its own."""


def png_of(svg: str) -> bytes:
    """The picture of an SVG. Raises UserError without resvg, and where no font could write the numbers."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise UserError(
            "A PNG needs resvg, which is not installed: pip install 'promptrec-tui[png]', or export SVG."
        ) from None

    def draws(family: str) -> bool:
        return svg_to_bytes(_probe("0"), sans_serif_family=family) != empty

    empty = svg_to_bytes(_probe(""))
    family = next(filter(draws, FAMILIES), None)
    if family is None:
        raise UserError(
            f"None of the fonts {', '.join(FAMILIES)} is on this machine, so a PNG would have no numbers: "
            "install one of them, or export SVG."
        )
    return svg_to_bytes(svg, sans_serif_family=family, zoom=ZOOM)


def _probe(text: str) -> str:
    """A small picture of a text."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" font-family="sans-serif">'
        f'<text x="2" y="16">{text}</text></svg>'
    )
