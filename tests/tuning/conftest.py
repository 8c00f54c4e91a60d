"""A tiny model, a tiny dataset and runs on them; everything is made from nothing."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.files import sha256_folder
from promptrec_tui.home import Home
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.runs.event_log import read_events
from promptrec_tui.runs.events import Event, to_fields
from promptrec_tui.runs.folder import RunFolder, create_run, run_folders
from promptrec_tui.runs.requests import request
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.runs.spec import RunSpec, Settings

if TYPE_CHECKING:
    from promptrec_tui.tuning.journal import Outcome

ITEMS = 40
USERS = 24
WORDS = [
    "red",
    "blue",
    "green",
    "old",
    "new",
    "small",
    "wild",
    "quiet",
    "river",
    "stone",
    "moon",
    "sun",
    "road",
]

Moment = Callable[[str, dict[str, Any]], bool]

SETTINGS = {
    "run.device": "cpu",
    "run.threads": 1,
    "data.max_history": 8,
    "tuning.rank": 4,
    "tuning.dropout": 0.1,
    "train.batch_size": 16,
    "train.learning_rate": 0.01,
    "train.max_steps": 6,
    "train.eval_every": 3,
    "train.patience": 0,
    "evaluation.users": 8,
    "evaluation.monitor_users": 4,
}


def titles() -> list[str]:
    """Distinct titles of two words and a year."""
    chance = random.Random(1)
    return [f"The {' '.join(chance.sample(WORDS, 2)).title()} ({1950 + number})" for number in range(ITEMS)]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 of two layers, 32 wide, with random weights and a byte-level BPE tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen3Config, Qwen3ForCausalLM

    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(["\n".join(titles()) + "\n"] * 3, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"})
    )
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
        # Wide enough that adapters, which leave the tied head alone, can make a token likely.
        initializer_range=0.2,
    )
    Qwen3ForCausalLM(config).save_pretrained(str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of `make_home`."""
    return make_home(tmp_path)


def make_home(place: Path) -> Home:
    """A home with one dataset: users who walk along the catalogue, so that there is something to learn."""
    home = Home(place / "home").create()
    chance = random.Random(2)
    source = place / "source"
    source.mkdir()
    with open(source / "items.csv", "w") as file:
        file.write("item_id,title,genre\n")
        file.writelines(f"i{number},{title},drama\n" for number, title in enumerate(titles()))
    with open(source / "events.csv", "w") as file:
        file.write("user_id,item_id,rating,timestamp\n")
        for user in range(USERS):
            start = chance.randrange(ITEMS)
            for time in range(chance.randint(6, 12)):
                item = (start + time * (1 + user % 2)) % ITEMS
                file.write(f"u{user},i{item},5,{time}\n")
    options = ImportOptions(format="csv", items=source / "items.csv")
    import_dataset(source / "events.csv", home.datasets / "d.sqlite", options)
    return home


@pytest.fixture
def new_run(home: Home, model_folder: Path) -> Callable[..., RunFolder]:
    """`make_run` in this home."""
    return partial(make_run, home, model_folder)


def make_run(
    home: Home, model_folder: Path, id: str = "run1", template: str = "list", **changes: Any
) -> RunFolder:
    """A new run folder; settings go by their dotted keys with "__" for ".", `id` names the run."""
    dataset = home.datasets / "d.sqlite"
    chosen = next(known for known in builtin_templates() if known.name == template)
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    spec = RunSpec.model_validate(
        {
            "id": id,
            "name": id,
            "created": "2026-01-01T00:00:00Z",
            "task": "next_item",
            "dataset": {
                "id": "d",
                "name": "walks",
                "file": "datasets/d.sqlite",
                "sha256": hashlib.sha256(dataset.read_bytes()).hexdigest(),
            },
            "template": {
                "id": "t",
                "name": chosen.name,
                "version": 1,
                "task": chosen.task,
                "language": chosen.language,
                "prompt": chosen.prompt,
                "completion": chosen.completion,
                "end_token": chosen.end_token,
                "sha256": chosen.sha256,
            },
            "model": {
                "id": "m",
                "name": "tiny",
                "folder": str(model_folder),
                "sha256": sha256_folder(model_folder),
                "family": "causal",
                "model_type": "qwen3",
            },
            "settings": apply_settings(apply_settings(Settings(), SETTINGS), changes).model_dump(),
            "versions": {},
            "machine": {},
        }
    )
    return create_run(home, spec)


def run_from(trained: Path, home: Home) -> RunFolder:
    """Put the run of the home `trained` into `home`, which has the same data: training takes seconds."""
    (folder,) = run_folders(Home(trained))
    shutil.copytree(folder.path, home.runs / folder.id)
    return RunFolder(home.runs / folder.id)


@pytest.fixture
def tune() -> Callable[..., Any]:
    """`attempt`."""
    return attempt


def attempt(
    folder: RunFolder, command: Any = None, when: Moment | None = None, device: str = "cpu"
) -> "Outcome":
    """Run an attempt in this process; ask for `command` after the first event for which `when` holds."""
    from promptrec_tui.tuning.journal import Journal
    from promptrec_tui.tuning.recipe import fine_tune
    from promptrec_tui.tuning.requests import RequestInbox

    number = folder.last_attempt + 1
    folder.attempt(number).path.mkdir(parents=True)
    asked: list[int] = []

    class Watched(Journal):
        def write(self, event: Event) -> None:
            super().write(event)
            if command and when and not asked and when(event.kind, to_fields(event)):
                asked.append(request(folder, command))

    with Watched(folder, number) as journal:
        return fine_tune(folder, device, journal, RequestInbox(journal))


@pytest.fixture
def events() -> Callable[..., list[dict[str, Any]]]:
    """The events of a run, of one kind if given."""

    def read(folder: RunFolder, kind: str | None = None) -> list[dict[str, Any]]:
        records, _ = read_events(folder.events)
        return [event for event in records if kind in (None, event["kind"])]

    return read


@pytest.fixture
def child() -> Callable[..., "subprocess.Popen[str]"]:
    """Starts a module of the package as a process of its own in a home."""

    def start(home: Home, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**os.environ, "PROMPTREC_HOME": str(home.root), "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
