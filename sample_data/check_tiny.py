"""Measure the untuned embedded model on 100 of the simulated users, against chance.

    python sample_data/check_tiny.py

Leave-one-out: the prompt is every title before the last, one a line; all unseen titles of the catalogue are
ranked by log P(title and newline | prompt); ties are shared. Evaluation only: nothing here changes the model.
"""

import csv
import math
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
MODEL = HERE / "models" / "tiny"
USERS = 100
CHUNK = 170  # titles scored at once


def read_histories() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Titles by film id, and every user's film ids in order of time (the file is in that order)."""
    with open(HERE / "films.csv", encoding="utf-8", newline="") as file:
        titles = {row["film_id"]: row["title"] for row in csv.DictReader(file)}
    histories: dict[str, list[str]] = {}
    with open(HERE / "interactions.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            histories.setdefault(row["user_id"], []).append(row["film_id"])
    return titles, histories


@torch.inference_mode()
def score(model: Any, prompt: list[int], completions: list[list[int]]) -> torch.Tensor:
    """log P of every completion after the prompt, whose cache a chunk of completions shares."""
    order = sorted(range(len(completions)), key=lambda index: len(completions[index]))
    scores = torch.empty(len(completions))
    for start in range(0, len(order), CHUNK):
        chosen = order[start : start + CHUNK]
        read = model(input_ids=torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
        read.past_key_values.batch_repeat_interleave(len(chosen))
        longest = max(len(completions[index]) for index in chosen)
        ids = torch.full((len(chosen), longest), -1)
        for row, index in enumerate(chosen):
            ids[row, : len(completions[index])] = torch.tensor(completions[index])
        logits = model(input_ids=ids[:, :-1].clamp(min=0), past_key_values=read.past_key_values).logits
        logits = torch.cat([read.logits.expand(len(chosen), 1, -1), logits], dim=1)
        chances = logits.log_softmax(-1).gather(-1, ids.clamp(min=0)[..., None])[..., 0]
        scores[chosen] = chances.masked_fill(ids < 0, 0).sum(1)
    return scores


def main() -> None:
    torch.set_num_threads(2)
    model: Any = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    model.eval()
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    titles, histories = read_histories()
    tokens = {film: tokenizer.encode(title + "\n").ids for film, title in titles.items()}

    hits, gain, chance = 0, 0.0, 0.0
    users = random.Random(0).sample(sorted(histories), USERS)
    for user in users:
        *seen, target = histories[user]
        prompt = [token for film in seen for token in tokens[film]]
        unseen = [film for film in titles if film not in seen]
        scores = score(model, prompt, [tokens[film] for film in unseen])
        own = scores[unseen.index(target)]
        rank = 1 + int((scores > own).sum()) + (int((scores == own).sum()) - 1) / 2
        chance += 10 / len(unseen)
        if rank <= 10:
            hits += 1
            gain += 1 / math.log2(rank + 1)
    print(f"Untuned, {USERS} users: HR@10 {hits / USERS:.3f}, NDCG@10 {gain / USERS:.4f}")
    print(f"Chance: HR@10 {chance / USERS:.3f}")


if __name__ == "__main__":
    main()
