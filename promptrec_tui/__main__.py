"""`promptrec` and `python -m promptrec_tui`: the app without arguments, a command with some."""

import os
import sys


def main() -> None:
    """Open the app, or run a command. The command's libraries stay out of the app's start."""
    os.umask(0o077)
    if len(sys.argv) == 1:
        from promptrec_tui.home import find_home
        from promptrec_tui.tui.app import run_app

        sys.exit(run_app(find_home()))
    from promptrec_tui.cli.main import run_command

    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
