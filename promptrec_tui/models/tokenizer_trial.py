"""Trying a tokenizer in a child process: what is broken in it can end the process that loads it.

The library behind tokenizer.json is native code. A damaged file makes it panic, take all memory or never end;
here that costs a child process only, and nothing of it reaches the terminal.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.tokens import load_tokenizer
from promptrec_tui.text import clean

SECONDS = 60
MEMORY_BYTES = 8 << 30

TEXTS = (
    *("", "a", " ", "\n", "The Matrix (1999)", "user: 007\tNA\n\n- 3,5/5 stars!", "Amélie — “Été” 1½ €"),
    *("黑客帝国（1999）", "千と千尋の神隠し", "Дом", "فيلم", "\U0001f469\u200d\U0001f467 \U0001f3ac"),
    *("\u0301\u200d\ufeff\x00\x1b", "\ufffd", "a" * 5000),
)


def tokenizer_problem(folder: Path) -> str:
    """Why the tokenizer of `folder` cannot be used, as one sentence; empty when a trial went well."""
    again = "fetch the model again"
    try:
        child = subprocess.run(
            [sys.executable, "-m", "promptrec_tui.models.tokenizer_trial", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            env={**os.environ, "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"tokenizer.json took more than {SECONDS} seconds for a few texts; {again}."
    try:
        problem = json.loads(child.stdout)["problem"]
    except (ValueError, KeyError, TypeError):
        return f"tokenizer.json is damaged: the library that reads it fails on it; {again}."
    return clean(str(problem))


def try_tokenizer(folder: Path) -> str:
    """Load the tokenizer of `folder`, then encode and decode some texts; answers the problem or nothing."""
    try:
        tokenizer = load_tokenizer(folder)
    except UserError as error:
        return str(error)
    for text in TEXTS:
        try:
            tokenizer.decode(tokenizer.encode(text))
        except UserError as error:
            # That it has no token for a text is no damage: titles of that kind are found before a run.
            if not isinstance(error.__cause__, Exception):
                return str(error)
    return ""


def main() -> None:
    """Try the tokenizer of the folder that the command line names; print `{"problem": …}`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(json.dumps({"problem": try_tokenizer(Path(sys.argv[1]))}))


if __name__ == "__main__":
    main()
