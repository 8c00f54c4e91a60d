"""What a screen offers to export: tables, charts, configs, each in several forms."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING

from promptrec_tui.tui.widgets.chart import Chart
from promptrec_tui.tui.widgets.chart_png import png_of
from promptrec_tui.tui.widgets.chart_svg import svg_of
from promptrec_tui.tui.widgets.plot import draw_chart
from promptrec_tui.workspace.exports import Listing, csv_text, markdown

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_config import RunConfig

COLUMNS, ROWS = 100, 30
"""The size of a chart as text."""

Made = str | bytes


@dataclass(frozen=True)
class Offer:
    """`noun` and `form` for people; `stem` and `suffix` of the file; `make` makes a text or a picture."""

    noun: str
    form: str
    stem: str
    suffix: str
    make: Callable[[], Made | Awaitable[Made]]

    async def made(self) -> Made:
        """What is exported. Raises UserError where it cannot be made."""
        made = self.make()
        return await made if isawaitable(made) else made


def table_offers(
    noun: str, stem: str, table: Callable[[], Listing] | Callable[[], Awaitable[Listing]]
) -> Iterator[Offer]:
    """A table, which is made when it is chosen, as Markdown and as CSV."""

    def written(form: Callable[[Listing], str]) -> Callable[[], Awaitable[str]]:
        async def make() -> str:
            made = table()
            return form(await made if isawaitable(made) else made)

        return make

    yield Offer(noun, "Markdown", stem, "md", written(markdown))
    yield Offer(noun, "CSV", stem, "csv", written(csv_text))


def chart_offers(chart: Chart, stem: str, ascii_only: bool, points: Chart | None = None) -> Iterator[Offer]:
    """A chart as a picture and as text, and its points or those of another one; none before there are any."""
    if any(series.points for series in chart.series):
        noun, stem = f"chart: {chart.title}", f"{stem}-{chart.title}"
        yield Offer(noun, "SVG", stem, "svg", lambda: svg_of(chart))
        yield Offer(noun, "PNG", stem, "png", lambda: asyncio.to_thread(lambda: png_of(svg_of(chart))))
        yield Offer(noun, "text", stem, "txt", lambda: text_of(chart, ascii_only))
        yield Offer(noun, "CSV", stem, "csv", lambda: csv_text(points_of(points or chart)))


def config_offers(stem: str, config: "Callable[[], Awaitable[RunConfig]]") -> Iterator[Offer]:
    """What a run was made with, as a file for `--config` and as a command."""

    async def toml() -> str:
        return (await config()).toml

    async def command() -> str:
        return (await config()).command + "\n"

    yield Offer("config", "TOML", f"{stem}-config", "toml", toml)
    yield Offer("config", "command", f"{stem}-command", "sh", command)


def text_of(chart: Chart, ascii_only: bool) -> str:
    """A chart in characters."""
    rows = draw_chart(chart, COLUMNS, ROWS, ascii_only)
    return "".join("".join(char for char, _ in row).rstrip() + "\n" for row in rows)


def points_of(chart: Chart) -> Listing:
    """The measured points of a chart: a column for each curve, a row for each place on the x-axis."""
    curves: Sequence[dict[float, float | None]] = [dict(series.measured) for series in chart.series]
    places = sorted({x for curve in curves for x in curve})
    rows = tuple((x, *(curve.get(x) for curve in curves)) for x in places)
    return Listing((chart.unit, *(series.name for series in chart.series)), rows)
