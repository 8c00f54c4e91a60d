"""Mode 3, with a real tokenizer."""

from rich.cells import cell_len
from textual.widgets import Static

from promptrec_tui.errors import TemplateError
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.widgets.template_text import TRAINED, problem_text, rendering_facts, rendering_text
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.rendering import Rendering, render_template
from promptrec_tui.workspace.templates import list_templates
from tests.tui.conftest import show_model


def shown(app, name) -> str:
    return app.screen.query_one(f"#{name}", Static).visual.plain


async def test_text_and_live_rendering_for_one_user_after_another(shop_home, until, screen_text):
    with opened(shop_home) as workspace:
        names = [row.name for row in list_templates(workspace)]
        model = "small"
        expected = {
            user: render_template(workspace, "shop", names[0], user, model) for user in ("u00", "u01", "u07")
        }
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "user u00 of shop" in shown(app, "facts"))
        await show_model(pilot, model)
        await until(pilot, lambda: shown(app, "rendering").endswith("⏎"))
        assert "{% for item in history %}" in screen_text(app)
        first = expected["u00"]
        assert shown(app, "rendering") == first.prompt + first.completion.replace("\n", "⏎")
        count = f"{len(first.prompt_token_ids)} + {len(first.completion_token_ids)} of {first.context}"
        assert count in shown(app, "facts")
        await pilot.press(")")
        await until(pilot, lambda: shown(app, "rendering").startswith(expected["u01"].prompt))
        await pilot.press("u", *"u07", "enter")
        await until(pilot, lambda: shown(app, "rendering").startswith(expected["u07"].prompt))
        await pilot.press("(")
        await until(pilot, lambda: "user u06" in shown(app, "facts"))
        await pilot.press("u", *"u0x", "enter")
        await until(pilot, lambda: 'There is no user "u0x"' in shown(app, "facts"))


async def test_dropped_history_is_told(shop_home, until):
    with opened(shop_home) as workspace:
        dropped = render_template(workspace, "shop", "next-item-zh", "u00", "small").dropped_history
        number = [row.name for row in list_templates(workspace)].index("next-item-zh")
    assert dropped
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "user u00" in shown(app, "facts"))
        await show_model(pilot, "small")
        await pilot.press(*"j" * number)
        await until(pilot, lambda: f"dropped {dropped} oldest items" in shown(app, "facts"))


async def test_without_a_dataset_the_pane_says_where_to_get_one(home, until, screen_text):
    app = PromptrecApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "next-film-zh" in screen_text(app))
        assert "No dataset to render with yet." in screen_text(app)
        assert "2 go to Data" in screen_text(app)


def test_only_the_completion_is_marked_as_trained():
    rendering = Rendering("u[/b]", "Alien [/INST]\n", "Heat\n", (1, 2), (3,), 4, 16)
    text = rendering_text(rendering)
    assert text.plain == "Alien [/INST]\nHeat⏎"
    [span] = [span for span in text.spans if TRAINED in str(span.style)]
    assert text.plain[span.start : span.end] == "Heat⏎"
    assert "dropped 4 oldest items" in rendering_facts(rendering, "films", "tiny").plain


def test_what_was_dropped_is_struck_through_and_special_tokens_are_counted():
    rendering = Rendering(
        "u", "Heat\n", "Ran", (1,), (2,), 2, 16, dropped_titles=("Alien [/INST]", "Up"), special_texts=3
    )
    text = rendering_text(rendering)
    assert text.plain == "Alien [/INST]\nUp\nHeat\nRan"
    [span] = [span for span in text.spans if "strike" in str(span.style)]
    assert text.plain[span.start : span.end] == "Alien [/INST]\nUp\n"
    assert "3 special tokens in the data, kept as text" in rendering_facts(rendering, "films", "tiny").plain


def test_a_caret_points_at_what_is_wrong_behind_wide_characters():
    error = TemplateError("Here is it.", "line one\n电影{{ titel }}", 2, 6)
    sentence, source, caret = problem_text(error).plain.splitlines()
    assert (sentence, source) == ("Here is it.", "电影{{ titel }}")
    assert cell_len(source[: source.index("titel")]) == caret.index("^")
    assert problem_text(TemplateError("No place.")).plain == "No place."
