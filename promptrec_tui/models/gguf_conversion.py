"""A GGUF file made a model folder of safetensors, in a process of its own; needs the extra `gguf`."""

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.models.check import CONVERSION, check_model
from promptrec_tui.models.tokenizer_trial import TEXTS
from promptrec_tui.prompts.tokens import load_tokenizer
from promptrec_tui.text import clean

STRINGS = 50
"""Texts whose tokens must be those of the file's own tokenizer."""
FILLERS = ("The film {} (19{})", "{} 与 {}", "user {} liked item {},", "  {}\n\t{}", "{}. {}!")
LIMIT = 1e-4
"""Nats by which the log-probabilities of the folder may differ from those of the file."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Conversion:
    """What was converted; `precision`: the number formats of the file's tensors, the most common first."""

    source: str
    precision: tuple[str, ...]
    strings: int
    difference: float
    """Nats between the folder's log-probabilities and the file's, at most."""


def convert(source: Path, target: Path, progress: Progress) -> Conversion:
    """Write the model of a GGUF file into the new folder `target`, and compare both.

    Raises UserError when the extra is missing, the file cannot be read, or folder and file differ.
    """
    try:
        from gguf import GGUFReader
    except ImportError:
        raise UserError(
            f"{source} is a GGUF file, which the extra gguf reads: pip install 'promptrec-tui[gguf]'."
        ) from None
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from promptrec_tui.models.loading import load_base

    progress("reading the file", 0, 4)
    options: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
    try:
        formats = Counter(tensor.tensor_type.name for tensor in GGUFReader(str(source)).tensors)
        tokenizer = AutoTokenizer.from_pretrained(str(source.parent), **options)
        progress("reading the weights", 1, 4)
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(source.parent), quantization_config=GgufConfig(dequantize=True), **options
        )
    except (ValueError, KeyError, IndexError, OSError, RuntimeError, NotImplementedError) as error:
        reason = clean(str(error).strip().split("\n")[0])
        raise UserError(f"{source} cannot be converted: {reason}") from error
    model = model.float()
    progress("writing the folder", 2, 4)
    staging = target.with_name(f".{target.name}.{os.getpid()}.staging")
    try:
        tokenizer.save_pretrained(str(staging))
        model.config.quantization_config = None
        model.save_pretrained(str(staging))
        check = check_model(staging)
        if not check.ok:
            raise UserError(f"{source} cannot be used: {' '.join(check.problems)}")
        progress("comparing folder and file", 3, 4)
        own = load_tokenizer(staging)
        strings = _strings()
        for text in strings:
            if own.encode(text) != tokenizer.encode(text, add_special_tokens=False):
                raise UserError(
                    f"{source} cannot be used: its tokenizer splits {text!r} otherwise than the folder made "
                    "of it; fetch the model as safetensors."
                )
        ids = torch.tensor([own.encode("".join(strings))[:64]])
        again: Any = load_base(staging, torch.device("cpu"), torch.float32)
        with torch.no_grad():
            both = [each.eval()(ids).logits.float().log_softmax(-1) for each in (model, again)]
        difference = float((both[0] - both[1]).abs().max())
        if not difference <= LIMIT:
            raise UserError(
                f"{source} cannot be used: the folder made of it answers {difference:.2g} nats apart from it."
            )
        precision = tuple(name for name, _ in formats.most_common())
        conversion = Conversion(source.name, precision, len(strings), difference)
        write_json(staging / CONVERSION, asdict(conversion))
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return conversion


def _strings() -> Sequence[str]:
    """Texts in several scripts."""
    made = [FILLERS[number % len(FILLERS)].format(number, 2 * number) for number in range(STRINGS)]
    return [*TEXTS, *made][:STRINGS]


def main() -> int:
    """Convert the file of the command line; lines of progress, and last the result, as JSON on stdout."""
    answers = sys.stdout

    def say(value: dict[str, Any]) -> None:
        print(json.dumps(value), file=answers, flush=True)

    with redirect_stdout(sys.stderr):
        try:
            conversion = convert(
                Path(sys.argv[1]),
                Path(sys.argv[2]),
                lambda name, done, total: say({"name": name, "done": done, "total": total}),
            )
        except UserError as error:
            say({"error": str(error)})
            return 1
    say(asdict(conversion))
    return 0


if __name__ == "__main__":
    sys.exit(main())
