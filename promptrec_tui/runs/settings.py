"""What the settings of a run may be: their keys, defaults and values, as people write them."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from promptrec_tui.errors import UserError
from promptrec_tui.runs.spec import DataSettings, EvaluationSettings, RunSettings, Settings, TrainSettings
from promptrec_tui.runs.synonyms import meant
from promptrec_tui.runs.tuning_settings import METHODS
from promptrec_tui.text import clean

GROUPS: dict[str, tuple[type[BaseModel], ...]] = {
    "run": (RunSettings,),
    "data": (DataSettings,),
    "tuning": tuple(METHODS.values()),
    "train": (TrainSettings,),
    "evaluation": (EvaluationSettings,),
}
"""The settings of each section; those of `tuning` are of one of the methods."""


def setting_keys() -> list[str]:
    """Every `group.key` there is, in order, whatever the method."""
    return list(default_values())


def default_values() -> dict[str, Any]:
    """The default of every `group.key` there is; of `tuning.method`, the first method."""
    defaults: dict[str, Any] = {}
    for group, parts in GROUPS.items():
        for part in parts:
            for key, setting in part.model_fields.items():
                defaults.setdefault(f"{group}.{key}", setting.default)
    return defaults


def flat_settings(settings: Settings) -> dict[str, Any]:
    """`{"train.epochs": 3, …}`: the settings under their dotted keys, of `tuning` those of its method."""
    return {
        f"{group}.{key}": getattr(part, key)
        for group in GROUPS
        for part in [getattr(settings, group)]
        for key in type(part).model_fields
    }


def apply_settings(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """`settings` with some keys replaced; a value is typed, or text as a person writes it.

    Another `tuning.method` brings its own defaults. Raises UserError for an unknown key (with the nearest
    one), for one that the method does not have, or for a value not allowed (with those that are).
    """
    known = setting_keys()
    values: dict[str, dict[str, Any]] = settings.model_dump()
    stripped = {key: value.strip() if isinstance(value, str) else value for key, value in changes.items()}
    method = str(stripped.get("tuning.method", settings.tuning.method))
    if method != settings.tuning.method:
        values["tuning"] = {"method": method}
    for key, value in stripped.items():
        if key not in known:
            raise UserError(f"There is no setting {clean(key)!r}.{nearest(key)}")
        group, name = key.split(".")
        if group == "tuning" and method in METHODS and name not in METHODS[method].model_fields:
            raise UserError(_foreign(key, method))
        values[group][name] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UserError(_sentence(error)) from None


def _foreign(key: str, method: str) -> str:
    """What is said of a setting that the method does not have: whose it is, and which ones there are."""
    own = [f"tuning.{name}" for name in METHODS[method].model_fields if name != "method"]
    owners = [name for name, part in METHODS.items() if key.partition(".")[2] in part.model_fields]
    return (
        f"{key} is a setting of tuning.method={_either(owners)}; tuning.method={method} has "
        f"{', '.join(own) or 'no settings of its own'}."
    )


def _either(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def nearest(key: str) -> str:
    """Which setting was meant by a key that is none: by its meaning first, by its letters otherwise."""
    known = setting_keys()
    if (synonym := meant(key)) in known:
        return f" Did you mean {synonym!r}?"
    section, _, name = key.casefold().rpartition(".")
    # Names are compared without their sections, whose letters would make unlike keys alike.
    names = {key.partition(".")[2]: key for key in known if section not in GROUPS or key.startswith(section)}
    if close := difflib.get_close_matches(name, list(names), 2, cutoff=0.75):
        return f" Did you mean {' or '.join(repr(names[name]) for name in close)}?"
    return f" The keys are: {', '.join(known)}."


def read_settings_toml(path: Path) -> dict[str, Any]:
    """The settings in a TOML file under their dotted keys: `[train]` with `epochs = 3` is `train.epochs`.

    Raises UserError when the file cannot be read or is not TOML.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"Cannot read the settings file {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}.") from None
    return dict(_flat(tables))


def _flat(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _sentence(error: ValidationError) -> str:
    """The first complaint as a sentence: which key, what it was, what is allowed."""
    first = error.errors()[0]
    if not first["loc"]:
        return str(first["ctx"]["error"])
    if first["type"] == "union_tag_invalid":
        group, key, value = "tuning", "method", first["ctx"]["tag"]
    else:
        # Between a union and its key stands the method.
        group, key = str(first["loc"][0]), str(first["loc"][2 if first["loc"][0] == "tuning" else 1])
        value = first["input"]
    return f"{group}.{key} cannot be {clean(str(value))!r}: give {allowed_values(f'{group}.{key}')}."


def why(key: str) -> str:
    """What a setting is for: a short sentence."""
    group, name = key.split(".")
    owner = next(part for part in GROUPS[group] if name in part.model_fields)
    return owner.model_fields[name].description or ""


def allowed_values(key: str) -> str:
    """What a setting may be, in words: "one of adamw", "a whole number, at least 1"."""
    group, name = key.split(".")
    if key == "tuning.method":
        return f"one of {', '.join(METHODS)}"
    owners = [part for part in GROUPS[group] if name in part.model_fields]
    schema: dict[str, Any] = owners[0].model_json_schema()["properties"][name]
    if len(owners) < len(GROUPS[group]):
        methods = _either([str(part.model_fields["method"].default) for part in owners])
        return f"{_words(schema)} ({methods})"
    return _words(schema)


def _words(schema: Mapping[str, Any]) -> str:
    """What the JSON schema of a field allows."""
    if "allowed" in schema:
        return str(schema["allowed"])
    if schema["type"] == "array":
        return f"any of {', '.join(schema['items']['enum'])}, with commas between them"
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return f"one of {', '.join(choices)}" if len(choices) > 1 else str(choices[0])
    words = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}[schema["type"]]
    for bound, meaning in (
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("exclusiveMaximum", "below"),
    ):
        if bound in schema:
            words += f", {meaning} {schema[bound]}"
    return words
