"""The one exception that a person sees."""


class UserError(Exception):
    """Something a person can mend. Its text is one clear sentence: what, where, and how to mend it."""
