"""Progress signals from inside a model's forward and backward passes."""

from collections.abc import Callable
from typing import Any

from torch import nn

from promptrec_tui.tokentree.backbone import causal_of


def watch(model: Any, tick: Callable[[], None]) -> None:
    """Call `tick` whenever a layer of `model`, or its head, has been computed, forward or backward.

    A forward of 4,096 tokens through a large model takes a slow CPU minutes, longer than the limit for a
    stalled run; one layer takes seconds. A computation that hangs stops ticking. Results do not change.
    """

    def computed(_layer: nn.Module, _given: Any, output: Any) -> None:
        tick()
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.requires_grad:
            hidden.register_hook(lambda _gradient: tick())

    layers = [layer for group in model.modules() if isinstance(group, nn.ModuleList) for layer in group]
    head = causal_of(model).get_output_embeddings()
    for layer in [*layers, *([head] if head else [])]:
        layer.register_forward_hook(computed)
