"""Drafts of templates, saved in the home after each pause in typing."""

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from promptrec_tui.clock import now
from promptrec_tui.files import read_json, write_json
from promptrec_tui.prompts.template import Template
from promptrec_tui.workspace.opening import Workspace

NEW = "new"
"""The key of a template that has no version yet."""


@dataclass(frozen=True)
class Draft:
    """The text of a draft, its time (ISO 8601 in UTC), and the id of the version that it started from."""

    template: Template
    base: str
    typed: str

    @property
    def clock(self) -> str:
        """When it was typed, for people: `9 Jan, 14:05`."""
        return f"{datetime.fromisoformat(self.typed).astimezone():%-d %b, %H:%M}"


def keep_draft(workspace: Workspace, key: str, template: Template, base: str) -> None:
    """Save a draft under `key`: the id of the edited version, or `NEW`."""
    path = _path(workspace, key)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_json(path, {"template": asdict(template), "base": base, "typed": now()})


def find_draft(workspace: Workspace, key: str) -> Draft | None:
    """The draft of that key, if there is one that can be read."""
    try:
        document = read_json(_path(workspace, key))
        values = document["template"]
        # Earlier drafts hold a list of pairs.
        verbalizers = dict(values.pop("verbalizers", {}))
        return Draft(Template(**values, verbalizers=verbalizers), document["base"], document["typed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def drop_draft(workspace: Workspace, key: str) -> None:
    """Delete the draft of that key."""
    _path(workspace, key).unlink(missing_ok=True)


def _path(workspace: Workspace, key: str) -> Path:
    return workspace.home.root / "drafts" / f"{key}.json"
