"""Simple classifiers that a tuned model has to beat."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logsumexp

Floats = NDArray[np.float64]
Fit = Callable[[Sequence[str], Sequence[int], int], Callable[[Sequence[str]], Floats]]
WORD = re.compile(r"\w+")


def majority(texts: Sequence[str], labels: Sequence[int], count: int) -> Callable[[Sequence[str]], Floats]:
    """log P of each label for any text: its share of the training texts, one added to each count."""
    priors = np.log(np.bincount(labels, minlength=count) + 1) - np.log(len(labels) + count)
    return lambda asked: np.tile(priors, (len(asked), 1))


def naive_bayes(texts: Sequence[str], labels: Sequence[int], count: int) -> Callable[[Sequence[str]], Floats]:
    """log P of each label given the words of a text: multinomial, one added to each count.

    McCallum & Nigam 1998. Words are runs of letters and digits in lower case; those that no training text has
    are ignored.
    """
    words: dict[str, int] = {}
    for text in texts:
        for word in WORD.findall(text.casefold()):
            words.setdefault(word, len(words))
    owners = sparse.csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))), (count, len(labels)))
    counts: Any = owners @ _word_counts(texts, words)
    # log((n + 1) / (N + V)) = log(n + 1) - log(N + V): the first part is 0 for most words of a label.
    seen, missing = counts.log1p(), np.log(counts.sum(axis=1) + len(words))
    priors = majority(texts, labels, count)

    def scores(asked: Sequence[str]) -> Floats:
        given = _word_counts(asked, words)
        joint: Floats = (given @ seen.T).toarray() - np.outer(given.sum(axis=1), missing) + priors(asked)
        joint -= logsumexp(joint, axis=1, keepdims=True)
        return joint

    return scores


BASELINES: Mapping[str, Fit] = {"majority": majority, "naive_bayes": naive_bayes}
"""By name: fitted on texts, their labels (numbers below `count`) and `count`; returns log P [R, count]."""


def _word_counts(texts: Sequence[str], words: Mapping[str, int]) -> Any:
    """How often each text has each of `words`: sparse [R, V]."""
    pairs = [
        (row, words[word])
        for row, text in enumerate(texts)
        for word in WORD.findall(text.casefold())
        if word in words
    ]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    return sparse.csr_array((np.ones(len(pairs)), (rows, columns)), (len(texts), len(words)))
