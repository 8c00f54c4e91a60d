"""Pauses for garbage collection, made too short to be seen."""

import atexit
import gc

YOUNG = 5_000


def shorten_pauses() -> None:
    """What is loaded by now (modules, styles, bindings) is not searched for garbage any more.

    Scrolling makes thousands of short-lived strips a second, and a full collection, which stops everything,
    took 100 ms about once a second; so it takes 25 ms (`benchmarks/studio.py`), and comes rarely.
    """
    gc.freeze()
    # C++ extensions take what was not collected at the end for a leak, and say so on the terminal.
    atexit.register(gc.unfreeze)
    gc.set_threshold(YOUNG)
