"""Shorter pauses for garbage collection."""

import atexit
import gc

YOUNG = 5_000


def shorten_pauses() -> None:
    """Exclude everything loaded so far (modules, styles, bindings) from garbage collection.

    Scrolling creates thousands of short-lived strips a second. Without this, a full collection blocked the
    app for 100 ms about once a second; with it a collection takes 25 ms (`benchmarks/studio.py`), and is
    rare.
    """
    gc.freeze()
    # C++ extensions report objects that were not collected at exit as leaks, on the terminal.
    atexit.register(gc.unfreeze)
    gc.set_threshold(YOUNG)
