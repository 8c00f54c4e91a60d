"""Every task whose templates can be written can be rendered."""

from promptrec_tui.prompts.template import VARIABLES
from promptrec_tui.tasks.drafts import TASKS


def test_every_task_of_templates_offers_a_draft() -> None:
    assert list(TASKS) == list(VARIABLES)
