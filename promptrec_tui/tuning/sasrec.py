"""SASRec: self-attention over the ids of a history, trained with cross-entropy over the whole catalogue."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from promptrec_tui.evaluation.baselines import Baseline
from promptrec_tui.evaluation.histories import Floats, Progress, Sequences

HIDDEN, HEADS, BLOCKS, DROPOUT = 64, 2, 2, 0.2
LENGTH = 50
"""Events that it sees."""
RATE = 3e-3
EPOCHS, PATIENCE = 100, 3
"""Passes at most, and passes without a better value before it stops."""
SECONDS = 300.0
"""Training time; the best weights until then are kept."""
HELD_OUT = 500
"""Users at most whose last event chooses the pass."""
ROWS, LOGITS = 32, 2**24
"""Rows of `LENGTH` events in a step, and logits at most, 64 MB."""


class SasRec(nn.Module):
    """The network of Kang & McAuley 2018, with one table of items for inputs and outputs."""

    def __init__(self, n_items: int) -> None:
        super().__init__()
        self.n_items = n_items
        self.items = nn.Embedding(n_items + 1, HIDDEN)
        """The last one stands before the first event."""
        self.places = nn.Embedding(LENGTH, HIDDEN)
        for table in (self.items, self.places):
            nn.init.normal_(table.weight, std=0.02)
        self.drop = nn.Dropout(DROPOUT)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                HIDDEN, HEADS, 4 * HIDDEN, DROPOUT, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(BLOCKS)
        )
        self.norm = nn.LayerNorm(HIDDEN)

    def forward(self, past: Tensor) -> Tensor:
        """Hidden states [B, L, HIDDEN] after each of the ids [B, L], L up to `LENGTH`."""
        length = past.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        states = self.drop(self.items(past) * HIDDEN**0.5 + self.places.weight[:length])
        for block in self.blocks:
            states = block(states, src_mask=mask, is_causal=True)
        normed: Tensor = self.norm(states)
        return normed

    def logits(self, states: Tensor) -> Tensor:
        """Scores [..., N] of all items after hidden states [..., HIDDEN]."""
        return states @ self.items.weight[: self.n_items].T

    def scores(self, history: Sequence[int]) -> Floats:
        """Every item's score [N] after a history, of which the last `LENGTH` events are read."""
        past = [self.n_items, *history][-LENGTH:]
        with torch.no_grad():
            scores: Floats = self.logits(self(torch.tensor([past]))[0, -1]).double().numpy()
        return scores


@dataclass(frozen=True)
class SasRecFit:
    """A trained network, and how it was trained: passes, the best of them, seconds, whether time ran out."""

    model: SasRec
    epochs: int
    best: int
    seconds: float
    late: bool

    @property
    def baseline(self) -> Baseline:
        """The network as one scorer among others."""
        return Baseline("sasrec", self.model.scores)


def fit_sasrec(
    sequences: Sequences,
    n_items: int,
    seed: int,
    progress: Progress = lambda done, of: None,
) -> SasRecFit:
    """Train on `sequences` (one list of item ids a user, oldest first), and on nothing else, on the CPU.

    Loss: cross-entropy of each next event over all items (Xu et al. 2024), not over sampled negatives. The
    last events of up to `HELD_OUT` users are not trained on: their loss after each pass chooses the weights,
    and `PATIENCE` passes without a better one end the training; so do `SECONDS`. Without that limit a
    function of the arguments; torch's own random state stays as it is. Calls `progress(step, steps)` before
    each step; what it raises ends the training.
    """
    begun = time.monotonic()
    random = np.random.default_rng(seed)
    chains = [[n_items, *sequence] for sequence in sequences]
    able = [user for user, chain in enumerate(chains) if len(chain) > 3]
    judged = [chains[user] for user in random.permutation(able)[:HELD_OUT]]
    held_out = [_batch([chain[-LENGTH - 1 :] for chain in part], asked=1) for part in _parts(judged, n_items)]
    for chain in judged:
        chain.pop()
    late, step, best, lowest = False, 0, 0, math.inf
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        # Not torch.manual_seed, which would also seed the GPUs that the run trains on.
        torch.default_generator.manual_seed(seed)
        model = SasRec(n_items)
        kept = _copy(model)
        optimizer = torch.optim.Adam(model.parameters(), RATE)
        for epoch in range(1, EPOCHS + 1):
            model.train()
            parts = _parts(_cut(chains, random), n_items)
            for part in parts:
                if late := time.monotonic() - begun > SECONDS:
                    break
                progress(step, EPOCHS * len(parts))
                optimizer.zero_grad()
                _loss(model, *_batch(part)).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                step += 1
            model.eval()
            with torch.no_grad():
                value = sum(_loss(model, *batch, reduction="sum").item() for batch in held_out)
            if value < lowest:
                lowest, best, kept = value, epoch, _copy(model)
            if late or epoch - best >= PATIENCE:
                break
    model.load_state_dict(kept)
    return SasRecFit(model, epoch, best, time.monotonic() - begun, late)


def _cut(chains: Sequence[list[int]], random: np.random.Generator) -> list[list[int]]:
    """One pass in random order: windows of up to `LENGTH` + 1 ids, whose first one is only read.

    Long chains are cut at places that change with each pass, so that an event is asked for after few and
    after many others.
    """
    windows = [
        chain[max(start, 0) : start + LENGTH + 1]
        for chain in chains
        for start in range(-int(random.integers(LENGTH)), len(chain) - 1, LENGTH)
    ]
    return [windows[place] for place in random.permutation(len(windows)) if len(windows[place]) > 1]


def _parts(windows: Sequence[list[int]], n_items: int) -> list[Sequence[list[int]]]:
    """The windows of each step."""
    rows = max(1, min(ROWS, LOGITS // (LENGTH * n_items)))
    return [windows[first : first + rows] for first in range(0, len(windows), rows)]


def _batch(windows: Sequence[list[int]], asked: int = LENGTH) -> tuple[Tensor, Tensor]:
    """Ids that are read, and those that follow (the last `asked` of them, else -1): [B, LENGTH] each."""
    past = np.zeros((len(windows), LENGTH), np.int64)
    wanted = np.full((len(windows), LENGTH), -1)
    for row, window in enumerate(windows):
        length = len(window) - 1
        past[row, :length] = window[:-1]
        first = max(length - asked, 0)
        wanted[row, first:length] = window[first + 1 :]
    return torch.from_numpy(past), torch.from_numpy(wanted)


def _loss(model: SasRec, past: Tensor, wanted: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy of the wanted items over all items, in nats."""
    asked = wanted >= 0
    return functional.cross_entropy(model.logits(model(past)[asked]), wanted[asked], reduction=reduction)


def _copy(model: SasRec) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
