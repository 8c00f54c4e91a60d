import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptrec_tui.models.blocks import block_count
from promptrec_tui.models.config import FAMILIES

SaveModel = Callable[..., Path]


@pytest.mark.parametrize("model_type", sorted(FAMILIES))
def test_the_blocks_of_every_type_are_counted_by_its_config(save_model: SaveModel, model_type: str) -> None:
    folder = save_model(model_type)
    config = json.loads((folder / "config.json").read_text())
    (key,) = config.keys() & {"n_layer", "n_layers", "num_hidden_layers"}
    config[key] = 7
    (folder / "config.json").write_text(json.dumps(config))
    assert block_count(folder) == 7


@pytest.mark.parametrize("content", ["", "{}", '{"n_layer": "7"}', '{"num_hidden_layers": true}', None])
def test_a_config_that_does_not_say_is_no_number(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert block_count(tmp_path) is None
