"""The run whose adapter a continued run starts from: what the two must have in common."""

from collections.abc import Mapping
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_folder
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import written_adapter
from promptrec_tui.runs.settings import flat_settings
from promptrec_tui.runs.spec import ParentRef, RunSpec, Settings
from promptrec_tui.text import clean


def shape_of(spec: RunSpec) -> dict[str, object]:
    """The settings that a continued run must share with its parent: those of the tuning method."""
    return {
        key: value
        for key, value in flat_settings(spec.settings).items()
        if key.startswith("tuning.") and key != "tuning.dropout"
    }


def check_shape(spec: RunSpec, given: Mapping[str, Any]) -> None:
    """Raise UserError when `given` settings do not fit the weights of the run of `spec` that is continued."""
    for key, value in shape_of(spec).items():
        if str(given.get(key, value)).strip() != str(value):
            raise UserError(
                f"The adapter of run {spec.name!r} has {key}={value}, not {clean(str(given[key]))}: "
                "leave it out, or start a new run."
            )


def parent_ref(folder: RunFolder, model: str, model_sha256: str, settings: Settings) -> ParentRef:
    """The run in `folder` as the parent of a run of that base model and those settings.

    Raises UserError when it has no valid adapter, or one that does not fit; the message names both values.
    """
    spec = folder.spec()
    if not folder.adapter.is_dir():
        raise UserError(
            f"Run {spec.name!r} has no adapter to continue from: wait until it is done, or stop it."
        )
    if spec.model.sha256 != model_sha256:
        raise UserError(
            f"The adapter of run {spec.name!r} is for the base model {spec.model.name!r}, not for {model!r}: "
            "a continued run keeps its parent's."
        )
    check_shape(spec, flat_settings(settings))
    digest = sha256_folder(folder.adapter)
    if (written_adapter(folder) or digest) != digest:
        raise UserError(f"The adapter of run {spec.name!r} is damaged: it is not what the run wrote.")
    return ParentRef(id=spec.id, name=spec.name, sha256=digest)
