"""Of a hub repository that keeps its chat template in a file of its own, that file is fetched."""

from promptrec_tui.models.download import wanted_files

NAMES = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors")


def test_the_chat_template_is_fetched() -> None:
    assert {name for name, _ in wanted_files((name, 1) for name in NAMES)} == set(NAMES)
