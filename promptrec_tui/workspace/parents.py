"""The adapter from which a continued run starts."""

from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_folder
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import written_adapter
from promptrec_tui.runs.spec import ParentRef, RunSpec, Settings, flat_settings

SHAPE = ("tuning.method", "tuning.rank", "tuning.alpha", "tuning.targets")
"""What an adapter is made with: a continued run has its parent's values."""


def shape_of(spec: RunSpec) -> dict[str, object]:
    """The settings that a continued run must have."""
    settings = flat_settings(spec.settings)
    return {key: settings[key] for key in SHAPE}


def parent_ref(folder: RunFolder, model: str, model_sha256: str, settings: Settings) -> ParentRef:
    """The run in `folder` as the parent of a run of that base model and those settings.

    Raises UserError when it has no good adapter, or one that does not fit: both values are told then.
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
    given = flat_settings(settings)
    for key, value in shape_of(spec).items():
        if given[key] != value:
            raise UserError(
                f"The adapter of run {spec.name!r} has {key}={value}, not {given[key]}: "
                "leave it out, or start a new run."
            )
    digest = sha256_folder(folder.adapter)
    if (written_adapter(folder) or digest) != digest:
        raise UserError(f"The adapter of run {spec.name!r} is damaged: it is not what the run wrote.")
    return ParentRef(id=spec.id, name=spec.name, sha256=digest)
