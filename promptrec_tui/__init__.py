"""promptrec: tune a language model as a recommender, in the terminal."""

__version__ = "0.1.0"
