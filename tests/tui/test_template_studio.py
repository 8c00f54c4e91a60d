"""Templates are written, compared and audited by keyboard."""

from dataclasses import dataclass, field, replace

import pytest
from textual.widgets import Input, Static, TextArea

from promptrec_tui.prompts.template import Template, parse_template
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.audit_template import AuditTemplateScreen
from promptrec_tui.tui.screens.confirm import ConfirmScreen
from promptrec_tui.tui.screens.edit_template import EditTemplateScreen, Row
from promptrec_tui.tui.screens.template_versions import TemplateVersionsScreen
from promptrec_tui.tui.screens.templates import TemplatesScreen
from promptrec_tui.tui.widgets.template_text import TRAINED
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.template_editing import Opening
from promptrec_tui.workspace.templates import find_template, save_edited, template_versions
from tests.tui.conftest import show_model
from tests.waiting import rest


def shown(app, name) -> str:
    return app.screen.query_one(f"#{name}", Static).visual.plain


def on(app, kind) -> bool:
    return isinstance(app.screen, kind)


async def open_editor(app, pilot, until, key="e"):
    """The editor over the first template, rendering for the first user with the tests' own model."""
    await pilot.press("3")
    await until(pilot, lambda: on(app, TemplatesScreen) and "user u00" in shown(app, "facts"))
    await show_model(pilot, "small")
    await pilot.press(key)
    await until(pilot, lambda: on(app, EditTemplateScreen) and "user u00" in shown(app, "facts"))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_the_journey_of_a_template(shop_home, until, screen_text, size):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=size, notifications=True) as pilot:
        await open_editor(app, pilot, until)
        assert app.screen.query_one("#name", Input).value == "my-list"
        await pilot.press(*"Seen: ")
        await until(pilot, lambda: shown(app, "rendering").startswith("Seen: Thing"))
        [mark] = [s for s in app.screen.query_one("#rendering").visual.spans if TRAINED in str(s.style)]
        assert shown(app, "rendering")[mark.start : mark.end].endswith("⏎")

        # The other rows are shown without leaving the text.
        await pilot.press("f6")
        await until(pilot, lambda: "user u01" in shown(app, "facts"))
        await pilot.press("f7")
        await until(pilot, lambda: "user u00" in shown(app, "facts"))

        await pilot.press(*"{{ hisory }}")
        await until(pilot, lambda: "Did you mean 'history'" in shown(app, "problem"))
        sentence, line, caret = shown(app, "problem").splitlines()
        assert "line 1, column 10" in sentence
        assert line[caret.index("^") :].startswith("hisory")
        # Nothing that is wrong is saved.
        await pilot.press("ctrl+s")
        await rest(pilot, 0.2)
        assert on(app, EditTemplateScreen)
        await pilot.press(*["backspace"] * 12)
        await until(pilot, lambda: not shown(app, "problem"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: on(app, TemplatesScreen) and app.screen.present_template.name == "my-list")

        await pilot.press("e")
        await until(pilot, lambda: on(app, EditTemplateScreen))
        await pilot.press(*"All ", "ctrl+s")
        await until(pilot, lambda: on(app, TemplatesScreen) and app.screen.present_template.version == 2)
        await pilot.press("v")
        await until(pilot, lambda: on(app, TemplateVersionsScreen) and "+All Seen: " in shown(app, "diff"))
        assert "-Seen: " in shown(app, "diff")
        await pilot.press("j")
        await until(pilot, lambda: shown(app, "diff") == "The first version.")
        await pilot.press("escape", "!")
        await until(pilot, lambda: on(app, AuditTemplateScreen) and "prefix sharing" in shown(app, "audit"))
        assert "context 120" in shown(app, "audit")
        assert "- the context\nanswers " in shown(app, "audit")
        await pilot.press("escape")
        await pilot.press("R")
        app.screen.query_one("#name", Input).value = ""
        await pilot.press(*"films", "enter")
        await until(pilot, lambda: app.screen.present_template.name == "films")
    with opened(shop_home) as workspace:
        assert [row.version for row in template_versions(workspace, "films")] == [1, 2]


@dataclass(frozen=True)
class NotedTemplate(Template):
    """A template with one field more."""

    notes: str = field(default="", metadata={"label": "notes"})


async def test_a_new_field_of_a_template_has_its_place_in_the_form(shop_home, until):
    template = NotedTemplate("mine", "next_item", "en", "{{ history }}", "{{ item.title }}", notes="First.")
    screen = EditTemplateScreen(
        Opening(template, "", "new", None), template, Row("shop", "shop", "small", "small", None)
    )
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: screen.template == template)
        screen.query_one("#notes").focus()
        await pilot.press(*"Note: ")
        await until(pilot, lambda: screen.template == replace(template, notes="Note: First."))


async def test_what_was_typed_outlives_the_app(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_editor(app, pilot, until)
        await pilot.press(*"Kept ")
        await until(pilot, lambda: (shop_home.root / "drafts" / "new.json").exists())
        # No leaving of any kind: as if it were killed.
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: on(app, TemplatesScreen) and "user u00" in shown(app, "facts"))
        await pilot.press("e")
        await until(pilot, lambda: on(app, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: on(app, EditTemplateScreen))
        await until(pilot, lambda: app.screen.query_one("#prompt", TextArea).text.startswith("Kept "))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: on(app, TemplatesScreen))
    assert not list((shop_home.root / "drafts").iterdir())
    with opened(shop_home) as workspace:
        assert find_template(workspace, "my-list").prompt.startswith("Kept ")


async def test_a_template_that_was_saved_elsewhere_meanwhile_is_told(shop_home, until, screen_text):
    text = "name = 'mine'\nprompt = '{{ history[-1].title }}'\ncompletion = '{{ item.title }}'"
    with opened(shop_home) as workspace:
        first = save_edited(workspace, parse_template(text, "x"), "").row
    app = PromptrecApp(shop_home)
    app.remember(template=first.id)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await open_editor(app, pilot, until)
        with opened(shop_home) as workspace:
            save_edited(
                workspace, parse_template(text.replace("title }}'\nc", "title }}!'\nc"), "x"), first.id
            )
        await pilot.press(*"Mine: ", "ctrl+s")
        await until(pilot, lambda: "Version 2 was saved elsewhere" in screen_text(app))
    with opened(shop_home) as workspace:
        prompts = [row.prompt for row in template_versions(workspace, "mine")]
    assert prompts == ["{{ history[-1].title }}", "{{ history[-1].title }}!", "Mine: {{ history[-1].title }}"]


async def test_only_the_last_of_many_keystrokes_is_shown(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_editor(app, pilot, until)
        await pilot.press(*"abcdefghij")
        await until(pilot, lambda: shown(app, "rendering").startswith("abcdefghijThing"))
