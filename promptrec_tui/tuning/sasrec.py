"""SASRec: self-attention over the ids of a history, trained with cross-entropy over the whole catalogue."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from promptrec_tui.evaluation.baselines import Baseline
from promptrec_tui.evaluation.histories import Floats, Progress, Sequences
from promptrec_tui.evaluation.metrics import rank_with_ties, ranking_metrics

HIDDEN, HEADS, BLOCKS, DROPOUT = 64, 2, 2, 0.2
LENGTH = 50
"""Events that it sees."""
RATE = 1e-3
EPOCHS, PATIENCE = 100, 3
"""Passes at most, and passes without a better value before it stops."""
SECONDS = 120.0
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
    progress: Progress = lambda done, steps: None,
    seconds: float = SECONDS,
) -> SasRecFit:
    """Train on `sequences` (one list of item ids a user, oldest first), and on nothing else, on the CPU.

    Loss: cross-entropy of each next event over all items (Xu et al. 2024), not
    over sampled negatives. The last events of up to `HELD_OUT` users are not trained on: their NDCG@10 after
    each pass chooses the weights, and `PATIENCE` passes without a better one end the training; so do
    `seconds`. Without that limit a function of the arguments; torch's own random state stays as it is.
    Calls `progress(step, steps)` before each step; what it raises ends the training.
    """
    begun = time.monotonic()
    random = np.random.default_rng(seed)
    able = [user for user, sequence in enumerate(sequences) if len(sequence) > 2]
    held_out = set(random.permutation(able)[:HELD_OUT].tolist())
    trained = [list(past[:-1]) if user in held_out else list(past) for user, past in enumerate(sequences)]
    judged = [(list(sequences[user][:-1]), sequences[user][-1]) for user in sorted(held_out)]
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        model = SasRec(n_items)
        optimizer = torch.optim.Adam(model.parameters(), RATE)
        rows = max(1, min(ROWS, LOGITS // (LENGTH * n_items)))
        best_value, best, kept, late, step = -1.0, 0, _copy(model), False, 0
        for epoch in range(1, EPOCHS + 1):
            model.train()
            batches = list(_batches(trained, n_items, rows, random))
            for past, wanted in batches:
                late = time.monotonic() - begun > seconds
                if late:
                    break
                progress(step, EPOCHS * len(batches))
                optimizer.zero_grad()
                there = wanted >= 0
                loss = functional.cross_entropy(model.logits(model(past)[there]), wanted[there])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                step += 1
            model.eval()
            value = _ndcg(model, judged)
            if value > best_value:
                best_value, best, kept = value, epoch, _copy(model)
            if late or epoch - best >= PATIENCE:
                break
        model.load_state_dict(kept)
    return SasRecFit(model.eval(), epoch, best, time.monotonic() - begun, late)


def _batches(
    sequences: Sequences, n_items: int, rows: int, random: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass in random order: past ids and the next ones, both [B, LENGTH], the next ones -1 where none is.

    Long sequences are cut at places that change with each pass, so that each event is read after few and
    after many others.
    """
    cuts = [
        (user, max(start, 0), start + LENGTH)
        for user, sequence in enumerate(sequences)
        for start in range(-int(random.integers(LENGTH)), len(sequence), LENGTH)
    ]
    order = random.permutation(len(cuts))
    for first in range(0, len(cuts), rows):
        chosen = [cuts[place] for place in order[first : first + rows]]
        past = np.full((len(chosen), LENGTH), n_items)
        wanted = np.full((len(chosen), LENGTH), -1)
        for row, (user, start, stop) in enumerate(chosen):
            items = [n_items, *sequences[user][:stop]][start:]
            past[row, : len(items) - 1], wanted[row, : len(items) - 1] = items[:-1], items[1:]
        yield torch.from_numpy(past), torch.from_numpy(wanted)


def _ndcg(model: SasRec, judged: Sequence[tuple[list[int], int]]) -> float:
    """NDCG@10 of last events among all items, without those of the past."""
    ranks = [rank_with_ties(model.scores(past), target, past) for past, target in judged]
    return ranking_metrics(10)[1].of({"rank": np.array(ranks)}) if ranks else 0.0


def _copy(model: SasRec) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
