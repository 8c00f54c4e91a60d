"""A field of words with completion of the last one."""

from collections.abc import Callable, Sequence

from textual.suggester import Suggester
from textual.widgets import Input

Complete = Callable[[str], Sequence[str]]
"""The words that may stand for the last word of a text."""


class _WordSuggester(Suggester):
    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        last = value[value.rfind(" ") + 1 :]
        words = (word for word in self._complete(value) if word.casefold().startswith(last.casefold()))
        return next((value + word[len(last) :] for word in words), None)


class WordInput(Input):
    """`right` at the end of the text takes the completion, the first of `choices`."""

    def __init__(
        self, complete: Complete, value: str = "", placeholder: str = "", id: str | None = None
    ) -> None:
        super().__init__(value, placeholder, suggester=_WordSuggester(complete), id=id, compact=True)
        self._complete = complete

    @property
    def choices(self) -> Sequence[str]:
        """All words that may stand for the last one."""
        return self._complete(self.value)
