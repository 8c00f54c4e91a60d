"""`python -m promptrec_tui.cli.unseen`: a command whose arguments come from stdin, as a JSON array.

Every user of a machine can read the arguments of every process, and thus the names and paths in them.
"""

import json
import os
import sys

from promptrec_tui.cli.main import run_command

if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(run_command(json.load(sys.stdin)))
