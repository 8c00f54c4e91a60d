"""Make the embedded base model from the catalogue alone: films.csv + series.csv -> models/tiny/.

    python sample_data/pretrain.py --minutes 28

A causal language model of the Qwen3 type with about 2.5 million parameters, small enough to commit and to
tune on two cores in minutes. It reads texts made here from the columns of the catalogue: lists of related
titles (most of the tokens), descriptions, questions and answers, in English and Chinese. It never sees a
user, an event or the preference model of simulate.py: who likes what is left to be learned by tuning. Films
are drawn uniformly everywhere, so popularity does not leak either.

The learning rate follows the clock, so two runs differ a little; check_tiny.py measures the result.
"""

import argparse
import csv
import math
import platform
import random
import time
from collections.abc import Iterator
from pathlib import Path

import tokenizers
import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

HERE = Path(__file__).resolve().parent
MODEL = HERE / "models" / "tiny"
SEED = 1
EOS = "<|endoftext|>"
VOCABULARY = 4608
ROWS, LENGTH = 4, 512  # rows of a batch, tokens of a row
RATE = 2.5e-3

# GPT-2's pattern without its newlines: those are split off first, each a token of its own.
WORDS = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""

CHINESE = {
    "Action": "动作", "Adventure": "冒险", "Animation": "动画", "Biography": "传记", "Comedy": "喜剧",
    "Crime": "犯罪", "Documentary": "纪录", "Drama": "剧情", "Family": "家庭", "Fantasy": "奇幻",
    "History": "历史", "Horror": "恐怖", "Martial Arts": "武侠", "Musical": "歌舞", "Mystery": "悬疑",
    "Romance": "爱情", "Science Fiction": "科幻", "Thriller": "惊悚", "War": "战争", "Western": "西部",
    "Australia": "澳大利亚", "Austria": "奥地利", "Brazil": "巴西", "Canada": "加拿大", "China": "中国",
    "Denmark": "丹麦", "Finland": "芬兰", "France": "法国", "Germany": "德国", "Greece": "希腊",
    "Hong Kong": "香港", "India": "印度", "Iran": "伊朗", "Ireland": "爱尔兰", "Italy": "意大利",
    "Japan": "日本", "Mexico": "墨西哥", "New Zealand": "新西兰", "Poland": "波兰", "South Korea": "韩国",
    "Soviet Union": "苏联", "Spain": "西班牙", "Sweden": "瑞典", "Taiwan": "台湾", "UK": "英国",
    "USA": "美国", "Yugoslavia": "南斯拉夫",
    "Bengali": "孟加拉语", "Cantonese": "粤语", "Danish": "丹麦语", "English": "英语", "Finnish": "芬兰语",
    "French": "法语", "German": "德语", "Greek": "希腊语", "Hindi": "印地语", "Hokkien": "闽南语",
    "Italian": "意大利语", "Japanese": "日语", "Korean": "韩语", "Mandarin": "普通话", "Persian": "波斯语",
    "Polish": "波兰语", "Portuguese": "葡萄牙语", "Russian": "俄语", "Serbo-Croatian": "塞尔维亚语",
    "Spanish": "西班牙语", "Swedish": "瑞典语", "Telugu": "泰卢固语",
}  # fmt: skip


def chinese(label: str) -> str:
    return CHINESE.get(label, label)


def a_genre(genre: str) -> str:
    return ("an " if genre[0] in "AEIOU" else "a ") + genre.lower()


class Film:
    def __init__(self, row: dict[str, str], series: str | None) -> None:
        self.title = row["title"]
        self.year = row["year"]
        self.genres = row["genres"].split("|")
        self.directors = row["director"].split("|")
        self.countries = row["countries"].split("|")
        self.languages = row["language"].split("|")
        self.decade = row["year"][:3] + "0s"
        self.series = series

    def shelves(self) -> list[tuple[str, ...]]:
        """Every reason for which this film may stand in a list with others."""
        shelves: list[tuple[str, ...]] = [("decade", self.decade)]
        shelves += [("director", name) for name in self.directors]
        shelves += [("country", name) for name in self.countries]
        shelves += [("language", name) for name in self.languages]
        if self.series:
            shelves.append(("series", self.series))
        for genre in self.genres:
            shelves.append(("genre", genre))
            shelves.append(("genre+decade", genre, self.decade))
            shelves += [("genre+country", genre, name) for name in self.countries]
            shelves += [("genre+genre", *sorted((genre, other))) for other in self.genres if other != genre]
        return shelves


class Writer:
    """Writes the documents, by chance but reproducibly."""

    def __init__(self, films: list[Film], seed: int) -> None:
        self.random = random.Random(seed)
        self.films = films
        self.shelf: dict[tuple[str, ...], list[Film]] = {}
        for film in films:
            for key in dict.fromkeys(film.shelves()):
                self.shelf.setdefault(key, []).append(film)

    def shelf_of(self, film: Film) -> tuple[str, ...]:
        """A shelf on which the film stands: first the kind, so that genres do not crowd out directors."""
        keys = [key for key in film.shelves() if len(self.shelf[key]) > 1]
        kind = self.random.choice(sorted({key[0] for key in keys}))
        return self.random.choice([key for key in keys if key[0] == kind])

    def document(self) -> str:
        kinds = [self.title_list, self.description, self.question, self.watched]
        return self.random.choices(kinds, weights=[50, 25, 15, 10])[0]()

    def title_list(self) -> str:
        """One title a line: an inventory in no order, a shelf, two shelves mixed, or a drift between shelves.

        Most shelves have a heading and most lists without one are inventories: what belongs together is in
        the model, but that a bare list of titles is somebody's taste is left to be learned by tuning.
        """
        draw = self.random
        length = 2 + int(59 * draw.random() ** 1.3)
        first = self.shelf_of(draw.choice(self.films))
        kinds = {"inventory": 45, "shelf": 30, "blend": 5, "drift": 8, "walk": 12}
        kind = draw.choices(list(kinds), weights=list(kinds.values()))[0]
        second = self.shelf_of(draw.choice(self.films))
        titles: list[str] = []
        film = draw.choice(self.shelf[first])
        shelf, turns = first, draw.randint(1, 6)
        for position in range(length):
            if kind == "blend":
                shelf = draw.choice([first, second])
            elif kind == "drift":
                shelf = second if draw.random() < position / length else first
            elif kind == "walk" and turns == 0:  # onwards by another thing that the last film has
                shelf, turns = self.shelf_of(film), draw.randint(1, 6)
            turns -= 1
            stray = kind == "inventory" or draw.random() < 0.06  # nobody's list is pure
            left = [other for other in self.films if other.title not in titles] if stray else []
            left = left or [other for other in self.shelf[shelf] if other.title not in titles]
            if left:
                film = draw.choice(left)
                titles.append(film.title)
            elif kind == "shelf":
                break
        text = "".join(title + "\n" for title in titles)
        if kind == "shelf" and draw.random() < 0.8:
            return self.heading(first) + "\n" + text
        return text

    def heading(self, shelf: tuple[str, ...]) -> str:
        names = list(shelf[1:])
        if self.random.random() < 0.7:
            return f"Films ({', '.join(names)}):"
        return f"电影（{'、'.join(map(chinese, names))}）："

    def description(self) -> str:
        draw = self.random
        film = draw.choice(self.films)
        genre, country = draw.choice(film.genres), draw.choice(film.countries)
        directors, language = " and ".join(film.directors), film.languages[0]
        genres_zh = "、".join(map(chinese, film.genres))
        country_zh, directors_zh = chinese(country), "、".join(film.directors)
        facts = [
            f"{film.title} ({film.year}) is {a_genre(genre)} film by {directors} from {country}.",
            f"{film.title} is a film of the {film.decade}, directed by {directors}. Language: {language}.",
            f"{film.title}\nYear: {film.year}\nGenres: {', '.join(film.genres)}\nDirector: {directors}\n"
            f"Country: {country}\nLanguage: {language}\n",
            f"《{film.title}》是{directors_zh}执导的{country_zh}{chinese(genre)}片，于{film.year}年上映。",
            f"《{film.title}》：{genres_zh}，{country_zh}，{film.year}年，{chinese(language)}，导演{directors_zh}。",
        ]
        if film.series:
            facts.append(f"{film.title} belongs to the {film.series} series.")
            facts.append(f"《{film.title}》属于《{film.series}》系列。")
        return draw.choice(facts)

    def related(self, film: Film, count: int) -> list[str]:
        """Other films from one shelf of this film, as many as there are up to count."""
        others = [other for other in self.shelf[self.shelf_of(film)] if other is not film]
        return [other.title for other in self.random.sample(others, min(count, len(others)))]

    def question(self) -> str:
        draw = self.random
        film = draw.choice(self.films)
        some = self.related(film, draw.randint(1, 5))
        genre = draw.choice(film.genres)
        lines = "".join(title + "\n" for title in some)
        quoted = "".join(f"《{title}》" for title in some)
        return draw.choice(
            [
                f"Films like {film.title}:\n{lines}",
                f"Question: I liked {film.title}. What else should I watch?\nAnswer: {some[0]}\n",
                f"Question: Who directed {film.title}?\nAnswer: {' and '.join(film.directors)}\n",
                f"Question: Is {film.title} {a_genre(genre)} film?\nAnswer: Yes\n",
                f"如果你喜欢《{film.title}》，你会喜欢哪部电影？《{some[0]}》",
                f"和《{film.title}》相似的电影：{quoted}",
                f"问：《{film.title}》的导演是谁？\n答：{'、'.join(film.directors)}\n",
            ]
        )

    def watched(self) -> str:
        draw = self.random
        film = draw.choice(self.films)
        *seen, following = [film.title, *self.related(film, draw.randint(2, 8))]
        return draw.choice(
            [
                f"I watched {', '.join(seen)}. Next I will watch\n{following}\n",
                f"A viewer watched:\n{chr(10).join(seen)}\nNext film:\n{following}\n",
                f"我看过{''.join(f'《{title}》' for title in seen)}，接下来想看：\n{following}\n",
                f"观影记录：\n{chr(10).join(seen)}\n下一部电影：\n{following}\n",
            ]
        )


def read_films() -> list[Film]:
    with open(HERE / "series.csv", encoding="utf-8", newline="") as file:
        series = {row["title"]: row["series"] for row in csv.DictReader(file)}
    with open(HERE / "films.csv", encoding="utf-8", newline="") as file:
        return [Film(row, series.get(row["title"])) for row in csv.DictReader(file)]


def train_tokenizer(films: list[Film]) -> Tokenizer:
    """Byte-level BPE; a newline is one token and nothing merges across it."""
    writer = Writer(films, SEED)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((writer.document() for _ in range(30_000)), trainer)
    return tokenizer


def batches(films: list[Film], tokenizer: Tokenizer) -> Iterator[torch.Tensor]:
    """Endless batches; a row starts with a document and is filled up with more, the last one cut."""
    writer = Writer(films, SEED + 1)
    eos = tokenizer.encode(EOS).ids
    while True:
        rows: list[list[int]] = []
        while len(rows) < ROWS:
            row: list[int] = []
            while len(row) < LENGTH:
                row += tokenizer.encode(writer.document()).ids + eos
            rows.append(row[:LENGTH])
        yield torch.tensor(rows)


def new_model(tokenizer: Tokenizer) -> Qwen3ForCausalLM:
    eos = tokenizer.token_to_id(EOS)
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=3,
        head_dim=32,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=eos,
        pad_token_id=eos,
        use_cache=True,
    )
    return Qwen3ForCausalLM(config)


def write_card(parameters: int, films: int, minutes: float, threads: int, tokens: int, loss: float) -> None:
    software = f"Python {platform.python_version()}, torch {torch.__version__}"
    software += f", transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    (MODEL / "README.md").write_text(
        f"""---
license: apache-2.0
language: [en, zh]
library_name: transformers
pipeline_tag: text-generation
---

# tiny: the embedded base model

A causal language model (Qwen3 type, {parameters:,} parameters, fp32, byte-level BPE of {VOCABULARY:,} tokens)
that ships with promptrec_tui, so that a first tuning run needs no download. It is a teaching and test model.

## How it was made

`python sample_data/pretrain.py`, from random weights, on texts that this script writes from `films.csv` and
`series.csv`: lists of titles that share a genre, director, decade, language, country or series (most of the
tokens), descriptions, and question/answer frames, in English and Chinese. Films are drawn uniformly.

| | |
|---|---|
| time | {minutes:.1f} minutes on {threads} CPU core(s) |
| tokens | {tokens:,} |
| final training loss | {loss:.3f} nats a token (mean of the last 50 steps) |
| software | {software} |

Most plain lists (those without a heading) are in no order, so that a gain can be seen. Their share was raised
after a first version, which ranked well untuned, had been tuned and measured on test users of the simulated
data: the untuned figures of the sample run are not a blind measurement.

The learning rate follows the clock, so a second run gives slightly other weights.

## What it knows and what not

- It knows the text of {films} film titles and which of them belong together by the columns of the catalogue.
- It never saw a user, an interaction, a rating or the preference model behind the simulated interactions. It
  does not know which films are popular.
- It cannot reason, follow instructions, chat, or write about anything outside these frames; any other text
  still tokenises, by bytes, but means nothing to it.
- Its context is 2,048 positions; it was trained on rows of {LENGTH}.
- A newline is always one token, and the tokens of a line do not depend on the lines around it. There is no
  BOS token; `{EOS}` is end and padding.

`python sample_data/check_tiny.py` measures the untuned model against chance on the simulated users.
""",
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Pretrain the embedded base model on the catalogue.")
    parser.add_argument("--minutes", type=float, default=28.0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    seconds = 60 * arguments.minutes
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)

    films = read_films()
    tokenizer = train_tokenizer(films)
    model = new_model(tokenizer)
    parameters = sum(weights.numel() for weights in model.parameters())
    lengths = [len(tokenizer.encode(film.title).ids) for film in films]
    print(f"{len(films)} films, {sum(lengths) / len(lengths):.2f} tokens a title, {parameters:,} parameters")

    # Weight decay on matrices only, norms are left alone.
    matrices = [weights for weights in model.parameters() if weights.dim() > 1]
    vectors = [weights for weights in model.parameters() if weights.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=RATE,
        betas=(0.9, 0.95),
    )
    started = time.monotonic()
    losses: list[float] = []
    model.train()
    for rows in batches(films, tokenizer):
        elapsed = (time.monotonic() - started) / seconds
        if elapsed >= 1:
            break
        rate = RATE * min(len(losses) / 50, 1) * (0.02 + 0.49 * (1 + math.cos(math.pi * elapsed)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = model(input_ids=rows, labels=rows, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if len(losses) % 20 == 0:
            tokens = len(losses) * ROWS * LENGTH
            speed = tokens / (time.monotonic() - started)
            recent = sum(losses[-20:]) / 20
            print(f"step {len(losses)} ({elapsed:.1%}) loss {recent:.4f}, {speed:,.0f} tokens/s", flush=True)

    minutes = (time.monotonic() - started) / 60
    MODEL.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(MODEL)
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=EOS,
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )
    wrapped.save_pretrained(MODEL)
    last = losses[-50:]
    write_card(
        parameters, len(films), minutes, arguments.threads, len(losses) * ROWS * LENGTH, sum(last) / len(last)
    )
    size = sum(path.stat().st_size for path in MODEL.iterdir()) / 1e6
    print(f"{minutes:.1f} minutes, {len(losses)} steps, {size:.1f} MB in models/tiny")


if __name__ == "__main__":
    main()
