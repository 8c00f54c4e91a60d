"""What comes with promptrec, listed in a catalogue: the embedded model and the built-in templates."""

from promptrec_tui.clock import now
from promptrec_tui.files import sha256_folder
from promptrec_tui.models.check import check_model
from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.runs.base_models import EMBEDDED_ID
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.models import ModelRow, add_model, delete_model, list_models
from promptrec_tui.store.templates import add_template, list_templates
from promptrec_tui.workspace.names import free_name


def list_shipped(catalogue: Catalogue) -> None:
    """Add the model and the templates of this version that the catalogue lacks."""
    _list_embedded_model(catalogue)
    _list_builtin_templates(catalogue)


def _list_embedded_model(catalogue: Catalogue) -> None:
    if not EMBEDDED.is_dir():
        return
    sha256 = sha256_folder(EMBEDDED)
    listed = list_models(catalogue)
    for row in listed:
        if row.embedded:
            if (row.folder, row.sha256) == (str(EMBEDDED), sha256):
                return
            # Another installation listed it: its files may be missing or different now.
            delete_model(catalogue, row.id)
            listed.remove(row)
            break
    check = check_model(EMBEDDED)
    add_model(
        catalogue,
        ModelRow(
            id=EMBEDDED_ID,
            name=free_name(EMBEDDED_ID, [row.name for row in listed]),
            folder=str(EMBEDDED),
            sha256=sha256,
            family=check.family,
            model_type=check.model_type,
            parameters=check.parameters,
            embedded=True,
            source="shipped with promptrec",
            created=now(),
        ),
    )


def _list_builtin_templates(catalogue: Catalogue) -> None:
    known = {row.sha256 for row in list_templates(catalogue) if row.builtin}
    for template in builtin_templates():
        if template.sha256 not in known:
            add_template(catalogue, template, builtin=True)
