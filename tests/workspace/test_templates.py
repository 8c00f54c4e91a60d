"""Versions are kept, renamed and compared; drafts are kept; runs keep what they began with."""

import json
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.prompts.template import Template, Texts, default_of, template_as
from promptrec_tui.runs.folder import create_run
from promptrec_tui.store.recovery import salvage
from promptrec_tui.store.runs import add_run
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.drafts import NEW, drop_draft, find_draft, keep_draft
from promptrec_tui.workspace.lineage import fork
from promptrec_tui.workspace.new_runs import NewRun, make_spec
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.templates import (
    as_template,
    find_template,
    list_templates,
    read_toml,
    rename_template,
    save_edited,
    save_template,
    template_to_toml,
)
from promptrec_tui.workspace.versions import template_versions, version_diff

MINE = Template("mine", "next_item", "en", "{{ history[-1].title }}", "{{ item.title }}")
CHAT = replace(MINE, wrap="chat", system="Be \x9bbrief.\t", prompt="\u202e'''{{ history[-1].title }}\\\n")
LABELS = Template("labels", "classify", "en", "{{ example.text }}", "{{ label }}", verbalizers={"a b": "x"})


VALUES: dict[str, object] = {
    "name": "all",
    "task": "next_item",
    "language": "zh",
    "prompt": MINE.prompt,
    "completion": MINE.completion,
    "end_token": "\n",
    "wrap": "plain",
}
"""What is checked; every other field of a template may hold anything of its type."""


@pytest.fixture
def workspace(home: Home) -> Iterator[Workspace]:
    with opened(home) as workspace:
        yield workspace


def test_what_was_saved_in_between_is_told_and_kept(workspace: Workspace) -> None:
    first = save_edited(workspace, MINE, "")
    assert first.meanwhile is None
    second = save_edited(workspace, replace(MINE, language="any"), first.row.id)
    assert (second.row.version, second.meanwhile) == (2, None)
    third = save_edited(workspace, replace(MINE, language="zh"), first.row.id)
    assert (third.row.version, third.meanwhile) == (3, second.row)
    languages = [version.row.language for version in template_versions(workspace, "mine")]
    assert languages == ["en", "any", "zh"]


def test_a_new_template_takes_no_name_that_is_taken(workspace: Workspace) -> None:
    save_edited(workspace, MINE, "")
    with pytest.raises(UserError, match="'mine' exists already"):
        save_edited(workspace, replace(MINE, language="zh"), "")
    with pytest.raises(UserError, match="'list' is a built-in template"):
        save_edited(workspace, replace(MINE, name="list"), "")
    assert [row.version for row in list_templates(workspace) if not row.builtin] == [1]


def test_a_rename_breaks_no_run(workspace: Workspace, shop: Path) -> None:
    row = save_edited(workspace, MINE, "").row
    import_source(
        workspace, shop / "events.csv", "shop", ImportOptions(format="csv", items=shop / "items.csv")
    )
    new = NewRun("first", "shop", "next_item", "mine", "tiny")
    spec = make_spec(workspace, new)
    folder = create_run(workspace.home, spec)
    add_run(workspace.catalogue, spec)
    save_edited(workspace, replace(MINE, language="zh"), row.id)
    renamed = rename_template(workspace, "mine", "films")
    assert (renamed.name, renamed.version) == ("films", 2)
    assert [version.runs for version in template_versions(workspace, "films")] == [("first",), ()]
    assert folder.spec().template.name == "mine"
    forked = make_spec(workspace, fork(workspace, "first")).template
    assert (forked.name, forked.id, forked.version) == ("films", row.id, 1)
    assert folder.spec().template.prompt == MINE.prompt
    with pytest.raises(UserError, match="mine"):
        find_template(workspace, "mine")
    with pytest.raises(UserError, match="'list' exists already"):
        rename_template(workspace, "films", "list")
    with pytest.raises(UserError, match="only your own ones can be renamed"):
        rename_template(workspace, "list", "other")


def test_a_task_that_the_dataset_cannot_answer_is_refused(workspace: Workspace, shop: Path) -> None:
    import_source(
        workspace, shop / "events.csv", "shop", ImportOptions(format="csv", items=shop / "items.csv")
    )
    with pytest.raises(UserError, match="'shop' has no labelled texts"):
        make_spec(workspace, NewRun("first", "shop", "classify", "label", "tiny"))


@pytest.mark.parametrize("template", [MINE, CHAT, LABELS], ids=lambda template: template.name)
def test_a_template_is_shared_as_one_file(workspace: Workspace, tmp_path: Path, template: Template) -> None:
    row = save_edited(workspace, template, "").row
    assert as_template(row) == template
    path = tmp_path / "shared.toml"
    path.write_text(template_to_toml(row), encoding="utf-8")
    assert read_toml(template_to_toml(row)) == template
    assert save_template(workspace, path) == row


def test_no_field_is_lost_on_the_way_into_a_run_and_back(
    workspace: Workspace, shop: Path, tmp_path: Path
) -> None:
    values = {
        entry.name: VALUES.get(entry.name, {"a b": "x"} if entry.type == Texts else f"a text: {entry.name}")
        for entry in fields(Template)
    }
    assert not any(values[entry.name] == default_of(entry) for entry in fields(Template))
    path = tmp_path / "all.toml"
    path.write_text(template_to_toml(Template(**values)), encoding="utf-8")
    row = find_template(workspace, save_template(workspace, path).id)
    assert values.items() <= asdict(row).items()

    keep_draft(workspace, NEW, as_template(row), row.id)
    draft = find_draft(workspace, NEW)
    assert draft is not None
    assert asdict(draft.template) == values

    options = ImportOptions(format="csv", items=shop / "items.csv")
    import_source(workspace, shop / "events.csv", "shop", options)
    spec = make_spec(workspace, NewRun("first", "shop", "next_item", "all", "tiny"))
    reference = create_run(workspace.home, spec).spec().template
    assert values.items() <= asdict(reference).items()
    assert (reference.id, reference.sha256) == (row.id, as_template(row).sha256)
    assert asdict(template_as(Template, reference)) == values
    assert template_to_toml(reference) == path.read_text(encoding="utf-8")

    old = workspace.home.root / "promptrec.db"
    [salvaged] = [template for template in salvage(old).templates if template.id == row.id]
    assert salvaged == row


def test_what_earlier_versions_wrote_is_read(workspace: Workspace) -> None:
    assert MINE.sha256 == "7ad9c10bdc8d966896eeddc2432dcb154a2ec85a4f3a1487029bb3bb8b900f61"
    assert LABELS.sha256 == "ca042adcc4287113eb89e1e106cea9a9cec6103ad47fd8cc2419539b57860352"
    keep_draft(workspace, NEW, LABELS, "")
    path = workspace.home.root / "drafts" / f"{NEW}.json"
    document = json.loads(path.read_text())
    document["template"]["verbalizers"] = [["a b", "x"]]
    path.write_text(json.dumps(document))
    draft = find_draft(workspace, NEW)
    assert draft is not None
    assert draft.template == LABELS


def test_the_difference_of_two_versions(workspace: Workspace) -> None:
    before = save_edited(workspace, MINE, "").row
    after = save_edited(workspace, CHAT, before.id).row
    lines = version_diff(before, after)
    assert lines[:2] == ["--- mine version 1", "+++ mine version 2"]
    assert '+wrap = "chat"' in lines
    assert all(line.isprintable() for line in lines)
    assert version_diff(before, before) == []


def test_drafts_come_back(workspace: Workspace) -> None:
    assert find_draft(workspace, NEW) is None
    keep_draft(workspace, NEW, LABELS, "")
    draft = find_draft(workspace, NEW)
    assert draft is not None
    assert (draft.template, draft.base) == (LABELS, "")
    (workspace.home.root / "drafts" / f"{NEW}.json").write_text("{")
    assert find_draft(workspace, NEW) is None
    drop_draft(workspace, NEW)
    drop_draft(workspace, NEW)
    assert not list((workspace.home.root / "drafts").iterdir())
