"""`promptrec` and `python -m promptrec_tui`: the app without arguments, a command with some."""

import gc
import os
import sys

from promptrec_tui.errors import UserError

ALLOCATED = 200_000
"""Objects after which garbage is looked for: more than a start makes. They stay, so there is little to find,
and by Python's own 700 the search takes an eighth of the start."""


def main() -> None:
    """Open the app, or run a command. The command's libraries stay out of the app's start."""
    gc.set_threshold(ALLOCATED)
    os.umask(0o077)
    open_closed_streams()
    try:
        if len(sys.argv) == 1:
            _open_app()
        from promptrec_tui.cli.main import run_command
        from promptrec_tui.cli.streams import leave

        leave(run_command(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)


def _open_app() -> None:
    from promptrec_tui.home import find_home
    from promptrec_tui.tui.app import run_app

    try:
        sys.exit(run_app(find_home()))
    except UserError as error:
        sys.exit(f"promptrec: {error}")


def open_closed_streams() -> None:
    """Give standard streams that the caller closed to the null device.

    Or else the first files that are opened get their numbers, and what a library prints goes into them.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    main()
