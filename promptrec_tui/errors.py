"""The exceptions that a person sees."""


class UserError(Exception):
    """Something a person can mend. Its text is one clear sentence: what, where, and how to mend it."""


class CatalogueGoneError(UserError):
    """The catalogue was deleted or moved while it was open: to open the home again makes a new one."""


class TemplateError(UserError):
    """What is wrong in the text of a template, and where: its line `source` and that line's number, and the
    column; both count from 1, 0 is unknown."""

    def __init__(self, sentence: str, source: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(sentence)
        self.source = source.splitlines()[line - 1] if 0 < line <= len(source.splitlines()) else ""
        self.line = line
        self.column = column
