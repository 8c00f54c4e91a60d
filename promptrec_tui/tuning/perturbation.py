"""Adversarial training: a model's embeddings moved a little to where its loss grows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def recorded(embeddings: nn.Module) -> Iterator[list[Tensor]]:
    """The outputs of `embeddings` inside the block, [R, L, H] each; a backward pass gives them gradients."""
    outputs: list[Tensor] = []

    def keep(module: nn.Module, given: Any, output: Tensor) -> Tensor:
        # Frozen embeddings have no gradient of their own.
        output = output if output.requires_grad else output.detach().requires_grad_()
        output.retain_grad()
        outputs.append(output)
        return output

    hook = embeddings.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        hook.remove()


def directions(outputs: list[Tensor], length: float) -> list[Tensor]:
    """Steps of `length` along the gradient of each row, the fast gradient method (Miyato et al. 2017)."""
    steps = []
    for output in outputs:
        gradient = output.grad
        assert gradient is not None
        norms = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)
        steps.append(length * gradient / norms[:, None, None])
    return steps


@contextmanager
def moved(embeddings: nn.Module, steps: list[Tensor]) -> Iterator[None]:
    """Inside, each output of `embeddings` is moved by the next of `steps`."""
    left = iter(steps)
    hook = embeddings.register_forward_hook(lambda module, given, output: output + next(left))
    try:
        yield
    finally:
        hook.remove()
