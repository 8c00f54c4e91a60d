"""Is a model folder safe, complete and of a known kind? Answered without loading it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.models.config import MODEL_TYPES as MODEL_TYPES
from promptrec_tui.models.config import code_problems, config_problems, context, model_type, slides
from promptrec_tui.models.weights import pickle_names, read_weights
from promptrec_tui.text import clean


@dataclass(frozen=True)
class ModelCheck:
    """What a look at a model folder found. `ok` means that there are no `problems`; `notes` are no obstacles.

    Numbers that the folder does not tell are 0, words are empty. `size_bytes` counts the weight files.
    """

    folder: Path
    ok: bool
    model_type: str
    family: str
    architecture: str
    parameters: int
    context: int
    vocabulary: int
    size_bytes: int
    sliding: bool
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def check_model(folder: Path) -> ModelCheck:
    """Look at `folder` as data only: JSON, file names and weight headers. Never raises for what is in it."""
    if not folder.is_dir():
        return _result(folder, {}, 0, 0, [f"There is no folder {clean(str(folder))}."], [])
    problems: list[str] = []
    notes: list[str] = []
    config: dict[str, Any] = {}
    try:
        config = read_object(folder / "config.json")
    except ValueError as error:
        problems.append(str(error))
    else:
        problems += config_problems(config)
    problems += _file_problems(folder)
    problems += _tokenizer_problems(folder, config)
    weights = read_weights(folder)
    problems += [clean(problem) for problem in weights.problems]
    pickles = pickle_names(folder)
    if weights.parameters and pickles:
        notes.append(f"{clean(pickles[0])} is ignored: only safetensors files are read.")
    if slides(config):
        notes.append(
            "Some layers see the latest tokens only, so long prompts are ranked title by title, slowly."
        )
    return _result(folder, config, weights.parameters, weights.size_bytes, problems, notes)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. Raises ValueError with one sentence."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"The folder has no {path.name}.") from None
    except (ValueError, OSError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} is not a JSON object; fetch the model again.")
    return value


def _file_problems(folder: Path) -> Iterator[str]:
    """Files that hold code or ask for it."""
    code = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py*"))
    if code:
        yield f"The folder holds code ({clean(code[0])}); only models without are used."
    if (folder / "adapter_config.json").exists():
        yield "The folder is an adapter (adapter_config.json); give the folder of its base model."
    for path in sorted(folder.glob("*.json")):
        if path.name in ("config.json", "tokenizer.json") or path.name.endswith(".index.json"):
            continue
        try:
            value = json.loads(path.read_bytes())
        except (ValueError, OSError, RecursionError):
            yield f"{clean(path.name)} is not JSON; fetch the model again."
        else:
            yield from code_problems(value, clean(path.name))


def _tokenizer_problems(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """Whether tokenizer.json is there and every token of it has a place in the model's vocabulary."""
    if not (folder / "tokenizer.json").is_file():
        yield "The folder has no tokenizer.json, the only kind of tokenizer that is read."
        return
    try:
        tokenizer = read_object(folder / "tokenizer.json")
        highest = max(_token_ids(tokenizer), default=-1)
    except (ValueError, TypeError, KeyError, AttributeError):
        yield "tokenizer.json is damaged; fetch the model again."
        return
    vocabulary = config.get("vocab_size")
    if highest < 0:
        yield "tokenizer.json has no tokens."
    elif isinstance(vocabulary, int) and highest >= vocabulary:
        yield (
            f"tokenizer.json has a token {highest} and the model knows tokens below {vocabulary} only; "
            "they do not belong together."
        )


def _token_ids(tokenizer: dict[str, Any]) -> Iterator[int]:
    """All token ids of a tokenizer.json: of its model (a map, or a list in id order) and the added ones."""
    vocabulary = tokenizer["model"]["vocab"]
    yield from vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
    for token in tokenizer.get("added_tokens") or []:
        yield token["id"]


def _result(
    folder: Path, config: dict[str, Any], parameters: int, size: int, problems: list[str], notes: list[str]
) -> ModelCheck:
    kind = model_type(config)
    architectures = config.get("architectures")
    architecture = architectures[0] if isinstance(architectures, list) and architectures else ""
    return ModelCheck(
        folder=folder,
        ok=not problems,
        model_type=clean(kind),
        family="causal" if kind in MODEL_TYPES else "",
        architecture=clean(str(architecture)),
        parameters=parameters,
        context=_number(context(config)),
        vocabulary=_number(config.get("vocab_size")),
        size_bytes=size,
        sliding=slides(config),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
