"""Whether a model's config and its weights tell of the same sizes, judged before anything is allocated."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from promptrec_tui.models.config import context, is_size

Shapes = Mapping[str, tuple[int, ...]]

EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")
# The names of learned positions, with the rows that they have beside one for each position.
POSITIONS = {"wpe.weight": 0, "embed_positions.weight": 2, "position_embeddings.weight": 0}
LAYER = re.compile(r"(?:^|\.)(?:layers?|h)\.(\d+)\.")
LARGEST = 1_000_000
LAYER_KEYS = ("num_hidden_layers", "n_layer", "n_layers")
WIDTH_KEYS = ("hidden_size", "n_embd", "word_embed_proj_dim", "intermediate_size", "ffn_dim", "n_inner")
HEAD_KEYS = ("num_attention_heads", "num_key_value_heads", "n_head")


def size_problems(config: Mapping[str, Any], shapes: Shapes) -> Iterator[str]:
    """A sentence for each size on which config.json and the weights of these `shapes` disagree."""
    embedding = _named(shapes, EMBEDDINGS)
    if embedding is None:
        # Weights under unknown names cannot be compared: only what no memory could hold is refused.
        for key in (*LAYER_KEYS, *WIDTH_KEYS, *HEAD_KEYS):
            value = config.get(key)
            if value is not None and not (is_size(value) and value <= LARGEST):
                yield f"config.json says {key} = {_short(value)}, which is no size of a model."
        return
    vocabulary = config.get("vocab_size")
    if is_size(vocabulary) and vocabulary != embedding[0]:
        yield (
            f"config.json tells of a vocabulary of {vocabulary:,} tokens and the weights hold "
            f"{embedding[0]:,}; they do not belong together."
        )
    for name, extra in POSITIONS.items():
        table, length = _named(shapes, (name,)), context(config)
        if table and is_size(length) and table[0] != length + extra:
            yield (
                f"config.json tells of a context of {length:,} tokens and the weights hold "
                f"{table[0] - extra:,} positions; they do not belong together."
            )
    layers = len({match[1] for name in shapes if (match := LAYER.search(name))})
    for key in LAYER_KEYS:
        if key in config and config[key] != layers:
            yield (
                f"config.json says {key} = {_short(config[key])} and the weights hold {layers} layers; "
                "they do not belong together."
            )
    widest = max(size for shape in shapes.values() for size in shape)
    for key, size in _widths(config):
        if not is_size(size) or size > widest:
            yield (
                f"config.json says {key} = {_short(size)} and no weight is wider than {widest:,}; "
                "they do not belong together."
            )


def _widths(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The widths of layers that the config tells."""
    for key in WIDTH_KEYS:
        if config.get(key) is not None:
            yield key, config[key]
    head = config.get("head_dim")
    for key in HEAD_KEYS:
        heads = config.get(key)
        if heads is None:
            continue
        if is_size(heads) and is_size(head):
            yield f"{key} x head_dim", heads * head
        else:
            yield key, heads


def _named(shapes: Shapes, endings: tuple[str, ...]) -> tuple[int, ...] | None:
    """The shape of the first tensor whose name has one of these endings."""
    matches = (
        shape
        for name, shape in shapes.items()
        if any(name == ending or name.endswith("." + ending) for ending in endings)
    )
    return next(matches, None)


def _short(value: Any) -> str:
    return f"{value:,}" if is_size(value) else repr(value)[:40]
