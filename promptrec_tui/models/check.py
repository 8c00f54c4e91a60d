"""Is a model folder safe, complete and of a known kind? Answered without loading it."""

import json
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.files import is_folder
from promptrec_tui.models.config import (
    FAMILIES,
    code_problems,
    config_problems,
    context,
    left_out,
    model_type,
    slides,
)
from promptrec_tui.models.sizes import size_problems
from promptrec_tui.models.weights import pickle_names, read_weights
from promptrec_tui.text import clean

JSON_LIMIT = 1 << 28
"""Bytes of a JSON file in a model folder; the largest tokenizers have about 40 MB."""

FILE_LIMIT = 10_000
"""Files in a model folder; more are another folder's, such as a home or a whole disk."""


CONVERSION = "conversion.json"
"""In a folder that was made of a GGUF file: what that held, and how alike they are."""


@dataclass(frozen=True)
class ModelCheck:
    """The result of checking a model folder. `ok` means no `problems`; `notes` do not matter to it.

    Numbers that the folder does not state are 0, words are empty. `size_bytes` counts the weight files.
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
    """Check `folder` as data only: JSON, file names and weight headers. Never raises for what is in it."""
    if not is_folder(folder):
        return _result(folder, {}, 0, 0, [f"There is no folder {clean(str(folder))}."], [])
    problems: list[str] = []
    notes: list[str] = []
    config: dict[str, Any] = {}
    try:
        config = read_object(folder / "config.json")
        problems += config_problems(config)
    except ValueError as error:
        problems.append(str(error))
    except RecursionError:
        config = {}
        problems.append("config.json is nested too deeply; fetch the model again.")
    problems += _file_problems(folder)
    problems += _tokenizer_problems(folder, config)
    weights = read_weights(folder)
    problems += [clean(problem) for problem in weights.problems]
    if weights.shapes and not weights.problems and not problems:
        problems += [clean(problem) for problem in size_problems(config, weights.shapes)]
    if names := left_out(config):
        notes.append(
            f"config.json has keys that are not used ({clean(', '.join(names))}): "
            "the model is loaded without them, which changes nothing that it computes."
        )
    pickles = pickle_names(folder)
    if weights.parameters and pickles:
        notes.append(f"{clean(pickles[0])} is ignored: only safetensors files are read.")
    if slides(config):
        notes.append(
            "Some layers see the latest tokens only, so long prompts are ranked title by title, slowly."
        )
    notes += _conversion_notes(folder)
    return _result(folder, config, weights.parameters, weights.size_bytes, problems, notes)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. Raises ValueError with one sentence."""
    if not path.exists():
        raise ValueError(f"The folder has no {path.name}.")
    value = _read_json(path)
    if not isinstance(value, dict):
        raise ValueError(f"{clean(path.name)} is not a JSON object; fetch the model again.")
    return value


def _read_json(path: Path) -> Any:
    """The JSON value in `path`. Raises ValueError with one sentence.

    Only a regular file of a sensible size is opened: a pipe would never end, and a device fill the memory.
    """
    name = clean(path.name)
    try:
        if not path.is_file():
            raise ValueError(f"{name} is not a regular file; fetch the model again.")
        if (size := path.stat().st_size) > JSON_LIMIT:
            raise ValueError(f"{name} has {size:,} bytes, too many for a file of settings.")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}.") from None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is not a JSON object; fetch the model again.") from None


def _file_problems(folder: Path) -> Iterator[str]:
    """Files that hold code or ask for it."""
    code = []
    # Links to folders are not followed.
    for count, path in enumerate(folder.rglob("*"), 1):
        if count > FILE_LIMIT:
            yield f"The folder holds more than {FILE_LIMIT:,} files; give the folder of the model alone."
            return
        if path.suffix.startswith(".py"):
            code.append(path.relative_to(folder).as_posix())
    if code:
        yield f"The folder holds code ({clean(min(code))}); only models without are used."
    if (folder / "adapter_config.json").exists():
        yield "The folder is an adapter (adapter_config.json); give the folder of its base model."
    for path in sorted(folder.glob("*.json")):
        if path.name in ("config.json", "tokenizer.json") or path.name.endswith(".index.json"):
            continue
        try:
            yield from code_problems(_read_json(path), clean(path.name))
        except ValueError as error:
            yield str(error).replace("is not a JSON object", "is not JSON")
        except RecursionError:
            yield f"{clean(path.name)} is nested too deeply; fetch the model again."


def _conversion_notes(folder: Path) -> Iterator[str]:
    """What the numbers of a converted model were."""
    try:
        conversion = read_object(folder / CONVERSION)
        formats = ", ".join(map(str, conversion["precision"]))
        yield (
            f"Made of {clean(str(conversion['source']))}, whose numbers are {clean(formats)}: the weights "
            f"are as rounded as they were there ({int(conversion['strings'])} texts have the same tokens, "
            f"log-probabilities differ by at most {float(conversion['difference']):.1g})."
        )
    except (ValueError, KeyError, TypeError):
        return


def _tokenizer_problems(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """Whether tokenizer.json is there and every token of it has a place in the model's vocabulary."""
    if not (folder / "tokenizer.json").exists():
        yield "The folder has no tokenizer.json, the only kind of tokenizer that is read."
        return
    try:
        tokenizer = read_object(folder / "tokenizer.json")
    except ValueError as error:
        yield str(error)
        return
    try:
        highest = max(map(operator.index, _token_ids(tokenizer)), default=-1)
    except (TypeError, KeyError, AttributeError):
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
        family=FAMILIES.get(kind, ""),
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
