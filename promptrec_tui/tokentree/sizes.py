"""How much a model is given at once, by its shape and the memory that is free. Arithmetic only, no torch.

A CPU (`free` is None) has sizes of its own: there more at once gains nothing, and published figures hang on
them bit by bit.
"""

from dataclasses import dataclass

USERS = 16
"""Prompts that a GPU searches for at once, at most."""
SMALLEST = 16
"""Nodes of a row that is not halved any more: fewer take hardly less memory."""
CPU_LOGITS = 2**24
"""Logits that exist at a time on a CPU (64 MiB in fp32)."""
LOGIT_BYTES = 16
"""What a logit takes on a GPU: as the model gives it, in fp32, its softmax and its gradient."""
CPU_FORWARD = 4096
"""Tokens of a training forward on a CPU."""


@dataclass(frozen=True)
class Shape:
    """What of a causal model takes memory."""

    layers: int
    hidden: int
    inner: int
    """Width of the feed-forward layers."""
    heads: int
    groups: int
    """Heads of keys and values; fewer than `heads` where several share one."""
    head: int
    """Numbers of a head."""
    vocabulary: int
    number: int
    """Bytes of a weight or activation."""


@dataclass(frozen=True)
class Sizes:
    """What a ranker gives its model at once."""

    users: int
    """Prompts that are searched for at once. A CPU gains nothing from several."""
    width: int
    """Open nodes that a round of a search for the best reads."""
    row: int
    """Nodes a row when everything is scored; on a CPU more only widens the attention. Where the floor is
    fixed all above it must be read anyway, so such rounds are as wide."""
    limit: int
    """Nodes that a search may read at most: each later node looks at all of them."""
    batch: int
    """Titles of a plain batch, for models whose windows slide."""


CPU = Sizes(users=1, width=64, row=256, limit=2048, batch=64)
LARGEST = Sizes(users=USERS, width=256, row=1024, limit=8192, batch=64)


def ranking_sizes(shape: Shape, free: int | None) -> Sizes:
    """Sizes for a ranker whose model is loaded, with `free` bytes left on its GPU; None: on a CPU.

    How many users, and how long a search, is settled anew for each question: see `search_room`.
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
    """Bytes that a search of `users` prompts takes at most beside the weights.

    These are the keys and values of prompts and nodes on all layers; those of one layer once more while it
    grows, gathered, and repeated for heads that share them; the mask; the activations of a round.
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
    """Bytes of a token's activations in one layer, where no gradient is wanted."""
    attention = 3 * (shape.heads + 2 * shape.groups) * shape.head
    return shape.number * (8 * shape.hidden + 3 * shape.inner + attention)


def head_rows(vocabulary: int, free: int | None) -> int:
    """How many positions the head may be given at once: their logits take a sixteenth of `free` bytes."""
    if free is None:
        return max(1, CPU_LOGITS // vocabulary)
    return power_of_two(free // 16 // (LOGIT_BYTES * vocabulary), 16, 4096)


def forward_tokens(shape: Shape, free: int | None, checkpointing: bool) -> int:
    """Tokens of a training forward, padding included: what an optimiser step has more is accumulated.

    Powers of two, so that a resumed run finds the same number though a little more or less is free.
    """
    if free is None:
        return CPU_FORWARD
    return power_of_two(free * 6 // 10 // training_bytes(shape, checkpointing), 256, 16384)


def training_bytes(shape: Shape, checkpointing: bool) -> int:
    """Bytes that a token's activations take until its gradient is known, under LoRA on every linear layer.

    Of a layer: what the layer itself keeps, and the inputs of seven adapters, in fp32 and once more under
    dropout. With checkpointing: all that of one layer, and the inputs of the others.
    """
    own = shape.number * (8 * shape.hidden + 4 * shape.inner + 2 * shape.heads * shape.head)
    adapters = 2 * 4 * (6 * shape.hidden + shape.inner)
    if checkpointing:
        return own + adapters + shape.layers * shape.hidden * shape.number
    return shape.layers * (own + adapters)


def power_of_two(most: int, low: int, high: int) -> int:
    """The largest power of two up to `most`, from `low` to `high` (themselves powers of two)."""
    return min(high, max(low, 1 << max(0, most.bit_length() - 1)))
