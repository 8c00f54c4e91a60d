"""The results of a long measurement in a file, so that it can be resumed."""

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import promptrec_tui
from promptrec_tui.files import sha256_file

Record = dict[str, Any]


def engine_digest() -> str:
    """A digest of the engine's code: a change of it makes old results invalid."""
    folder = Path(promptrec_tui.__file__).parent / "tokentree"
    code = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(code).hexdigest()


class Store:
    """Records by stage and name. Those of another model, engine or setting are dropped when it is opened."""

    def __init__(self, path: Path, model_folder: Path, settings: Record, again: bool) -> None:
        self.path = path
        of = {
            "weights": sha256_file(model_folder / "model.safetensors"),
            "engine": engine_digest(),
            **settings,
        }
        self.records: dict[str, dict[str, Record]] = {}
        self.sittings: list[str] = []
        if path.exists() and not again:
            old = json.loads(path.read_text("utf-8"))
            if old["of"] == of:
                self.records, self.sittings = old["records"], old["sittings"]
            else:
                print(f"{path.name} is of another model, engine or setting: from the start", file=sys.stderr)
        self.sittings.append(f"{datetime.now(UTC):%Y-%m-%d %H:%M}")
        self._of = of

    def has(self, stage: str, name: str) -> bool:
        """Whether that was measured before."""
        return name in self.records.get(stage, {})

    def put(self, stage: str, name: str, record: Record) -> None:
        """Add a record and write it to the disk at once."""
        self.records.setdefault(stage, {})[name] = record
        values = {"of": self._of, "sittings": self.sittings, "records": self.records}
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(values, indent=1), "utf-8")
        partial.replace(self.path)

    def stage(self, stage: str, names: list[str]) -> list[Record]:
        """The existing records of those names."""
        record = self.records.get(stage, {})
        return [record[name] for name in names if name in record]
