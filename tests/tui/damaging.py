"""Ways in which a file of a run folder may be damaged, drawn by chance."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

RAW = {
    '"@nan"': "NaN",
    '"@inf"': "-Infinity",
    '"@large"': "1e999",
    '"@digits"': "9" * 5000,
    '"@deep"': "[" * 5000 + "]" * 5000,
    '"@nested"': '{"a":' * 100 + "1" + "}" * 100,
    '"@half"': '"\\ud800"',
}
"""What stands for JSON that Python does not write."""

ODD: list[Any] = [
    *(name.strip('"') for name in RAW),
    *(None, True, False, "", "x", "\0", "../../x", "running", "é" * 5000, [], {}, [[]], {"a": None}),
    *(-1, 0, 0.5, 2**31, 2**53, 2**63, -(2**70), 10**30, 10**4000, 1e300, -1e300, 1e38),
]

NOISE = (
    lambda chance, data: b"",
    lambda chance, data: b"\0" * len(data),
    lambda chance, data: chance.randbytes(200),
    lambda chance, data: data[: chance.randrange(len(data) + 1)],
    lambda chance, data: data + chance.randbytes(20),
    lambda chance, data: b"\xff\xfe" + data,
    lambda chance, data: chance.choice([b"[]", b"5", b"null", b'"x"', b"{}", b"\xed\xa0\x80", b"[" * 9999]),
)


STRAYS = (
    *("attempts/99999999999999999999", "attempts/٣", "attempts/007", "attempts/3", "attempts/x"),
    *(f"control/{'9' * 40}", "control/٣.json", "control/0009.json", f"checkpoints/checkpoint-{'9' * 90}"),
)


def spoil(chance: random.Random, folder: Path) -> str:
    """Damage one thing in a run's folder; says what."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    how = chance.choice([_value, _value, _value, _value, _noise, _noise, _kind, _stray])
    return how(chance, chance.choice(files), folder)


def _value(chance: random.Random, path: Path, folder: Path) -> str:
    """Another value somewhere in a JSON file, or in a line of the log of events."""
    data = path.read_bytes()
    lines = data.split(b"\n") if path.suffix == ".jsonl" else [data]
    place = chance.randrange(len(lines))
    try:
        document = json.loads(lines[place])
    except ValueError:
        return _noise(chance, path, folder)
    document = _changed(chance, document)
    text = json.dumps(document)
    for name, raw in RAW.items():
        text = text.replace(name, raw)
    lines[place] = text.encode()
    path.write_bytes(b"\n".join(lines))
    return f"{path.name}: {text[:300]}"


def _changed(chance: random.Random, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or chance.random() < 0.1:
        return chance.choice(ODD)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = chance.choice(keys)
    if chance.random() < 0.1:
        del value[key]
    else:
        value[key] = _changed(chance, value[key])
    return value


def _noise(chance: random.Random, path: Path, folder: Path) -> str:
    path.write_bytes(chance.choice(NOISE)(chance, path.read_bytes()))
    return f"{path.name}: noise"


def _kind(chance: random.Random, path: Path, folder: Path) -> str:
    """No file where one should be, or something else; of folders too."""
    if path.parent != folder and chance.random() < 0.3:
        path = path.parent
    away: Callable[[], Any] = (lambda: shutil.rmtree(path)) if path.is_dir() else path.unlink
    away()
    kind = chance.choice(["nothing", "folder", "fifo", "zero", "nowhere", "loop", "file"])
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "zero":
            path.symlink_to("/dev/zero")
        case "nowhere":
            path.symlink_to("/nowhere/at/all")
        case "loop":
            path.symlink_to(path)
        case "file":
            path.write_text("x")
    return f"{path.relative_to(folder)}: {kind}"


def _stray(chance: random.Random, path: Path, folder: Path) -> str:
    """A name that nobody expects."""
    stray = chance.choice(STRAYS)
    place = folder / stray
    place.parent.mkdir(exist_ok=True)
    if chance.random() < 0.5:
        place.mkdir(exist_ok=True)
    elif not place.exists():
        place.write_text("{}")
    return f"{stray[:40]}: stray"
