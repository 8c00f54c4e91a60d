"""Batch sizes by the shape of a model and the free memory. Arithmetic only, no torch.

A CPU (`free` is None) has fixed sizes: larger ones gain nothing there, and published results depend on them
bit for bit.
"""

from dataclasses import dataclass

USERS = 16
"""Prompts that a GPU searches for at once, at most."""
SMALLEST = 16
"""Minimum nodes of a row: fewer save hardly any memory."""
CPU_LOGITS = 2**24
"""Logits in memory at a time on a CPU (64 MiB in fp32)."""
LOGIT_BYTES = 16
"""Bytes of a logit on a GPU: in the model's precision, in fp32, its softmax and its gradient."""
CPU_FORWARD = 4096
"""Tokens of a training forward on a CPU."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a causal model that determine its memory use."""

    layers: int
    hidden: int
    inner: int
    """Width of the feed-forward layers."""
    heads: int
    groups: int
    """Heads of keys and values; fewer than `heads` if several share one."""
    head: int
    """Dimension of a head."""
    vocabulary: int
    number: int
    """Bytes of a weight or activation."""


@dataclass(frozen=True)
class Sizes:
    """How much a ranker passes to its model at once."""

    users: int
    """Prompts that are searched at once. A CPU gains nothing from several."""
    width: int
    """Open nodes that a round of a search for the best reads."""
    row: int
    """Nodes in a row when everything is scored, and in a round of a search with a fixed floor, which must
    read everything above the floor anyway. On a CPU larger rows only cost more attention."""
    limit: int
    """Maximum number of nodes of a search: each later node attends to all of them."""
    batch: int
    """Titles in a plain batch, for models with sliding windows."""


CPU_WORK, GPU_WORK = 5e10, 5e12
"""Multiplications of all scores after a prompt that take a few seconds at most."""
CPU = Sizes(users=1, width=64, row=256, limit=2048, batch=64)
LARGEST = Sizes(users=USERS, width=256, row=1024, limit=8192, batch=64)


def ranking_sizes(shape: Shape, free: int | None) -> Sizes:
    """Sizes for a ranker whose model is loaded, with `free` bytes left on its GPU; None: on a CPU.

    The number of users and the length of a search are computed for each request: see `search_room`.
    """
    if free is None:
        return CPU
    row = power_of_two(free // 8 // node_bytes(shape), SMALLEST, LARGEST.row)
    return Sizes(USERS, max(SMALLEST, row // 4), row, LARGEST.limit, LARGEST.batch)


def search_room(
    shape: Shape, free: int | None, *, prompt: int, row: int, limit: int, users: int
) -> tuple[int, int]:
    """How many of `users` prompts of up to `prompt` tokens can be searched for at once, and how many nodes
    each search may read, in 3/4 of `free` bytes: users are halved first, then the limit. (1, 0) is the least.
    """
    if free is None:
        return users, limit
    while search_bytes(shape, prompt=prompt, row=row, limit=limit, users=users) > free * 3 // 4:
        if users > 1:
            users //= 2
        elif limit:
            limit //= 2
        else:
            break
    return users, limit


def search_bytes(shape: Shape, *, prompt: int, row: int, limit: int, users: int) -> int:
    """Maximum bytes of a search for `users` prompts, without the weights.

    The sum of: keys and values of prompts and nodes on all layers; copies for one layer (while its buffer
    grows, gathered, and repeated for heads that share them); the mask; the activations of a round.
    """
    columns = prompt + limit
    kept = users * columns * key_bytes(shape)
    layer = users * columns * key_bytes(shape) // shape.layers
    looked = layer + layer * shape.heads // shape.groups
    mask = users * row * columns * (shape.number + 1)
    return kept + layer + looked + mask + users * max(prompt, row) * node_bytes(shape)


def batch_size(shape: Shape, free: int | None, *, prompt: int, batch: int) -> int:
    """How many of `batch` titles a plain batch may have behind a cached prompt: a power of two below it."""
    if free is None:
        return batch
    layer = prompt * key_bytes(shape) // shape.layers
    return power_of_two(free // 4 // (layer + layer * shape.heads // shape.groups), 1, batch)


def key_bytes(shape: Shape) -> int:
    """Bytes of a token's keys and values on all layers."""
    return 2 * shape.layers * shape.groups * shape.head * shape.number


def node_bytes(shape: Shape) -> int:
    """Bytes of a token's activations in one layer, without gradients."""
    attention = 3 * (shape.heads + 2 * shape.groups) * shape.head
    return shape.number * (8 * shape.hidden + 3 * shape.inner + attention)


def head_rows(vocabulary: int, free: int | None) -> int:
    """How many positions the head may take at once: their logits fill a sixteenth of `free` bytes."""
    if free is None:
        return max(1, CPU_LOGITS // vocabulary)
    return power_of_two(free // 16 // (LOGIT_BYTES * vocabulary), 16, 4096)


def forward_tokens(shape: Shape, free: int | None, checkpointing: bool) -> int:
    """Tokens of a training forward, padding included; larger optimiser steps are accumulated.

    A power of two, so that a resumed run gets the same number if slightly more or less memory is free.
    """
    if free is None:
        return CPU_FORWARD
    return power_of_two(free * 6 // 10 // training_bytes(shape, checkpointing), 256, 16384)


def training_bytes(shape: Shape, checkpointing: bool) -> int:
    """Bytes of a token's activations until the backward pass, with LoRA on every linear layer.

    For each layer: its own activations, and the inputs of seven adapters, in fp32 and a second time with
    dropout. With checkpointing: all of that for one layer, and the inputs of the others.
    """
    own = shape.number * (8 * shape.hidden + 4 * shape.inner + 2 * shape.heads * shape.head)
    adapters = 2 * 4 * (6 * shape.hidden + shape.inner)
    if checkpointing:
        return own + adapters + shape.layers * shape.hidden * shape.number
    return shape.layers * (own + adapters)


def quick(shape: Shape, free: int | None, nodes: int) -> bool:
    """Whether a model reads so many nodes within a few seconds: then all titles can be scored for anyone."""
    attention = (2 * shape.heads + 2 * shape.groups) * shape.head
    node = shape.layers * shape.hidden * (attention + 3 * shape.inner)
    return node * nodes <= (CPU_WORK if free is None else GPU_WORK)


def power_of_two(most: int, low: int, high: int) -> int:
    """The largest power of two up to `most`, from `low` to `high` (themselves powers of two)."""
    return min(high, max(low, 1 << max(0, most.bit_length() - 1)))
