"""The one tokeniser: `tokenizer.json` of a model folder, which adds no tokens by itself."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models

from promptrec_tui.errors import UserError
from promptrec_tui.files import is_folder
from promptrec_tui.prompts.chat import ChatTemplate, read_chat_template
from promptrec_tui.text import clean

OFFSET = ("roberta", "xlm-roberta")
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")


@dataclass(frozen=True, eq=False)
class TextTokenizer:
    """Text to token ids and back.

    `bos_id`: the token that the model wants first, None without one; `eos_id`: the tokenizer's end token;
    `context`: the most tokens that the model reads. `encode` adds neither of the two. `chat`: the model's
    chat template, if it has one.
    """

    tokenizer: Tokenizer
    bos_id: int | None
    eos_id: int | None
    context: int
    chat: ChatTemplate | None = None

    def encode(self, text: str) -> list[int]:
        """Token ids of `text` and nothing else; `</s>` in it is text, never a special token.

        Raises UserError for text that the vocabulary cannot spell and has no unknown token for.
        """
        if self._newline is None:
            return self._encode(text)
        ids: list[int] = []
        for line in text.split("\n"):
            ids += self._line(line)
            ids.append(self._newline)
        ids.pop()
        return ids

    @cached_property
    def specials(self) -> frozenset[str]:
        """The texts of the special tokens."""
        tokens = self.tokenizer.get_added_tokens_decoder().values()
        return frozenset(added.content for added in tokens if added.special and added.content)

    @cached_property
    def unknown_id(self) -> int | None:
        """The token for text that the vocabulary lacks; None where the vocabulary covers every text."""
        text = getattr(self.tokenizer.model, "unk_token", None)
        token: int | None = None if text is None else self.tokenizer.token_to_id(text)
        return token

    def count_specials(self, text: str) -> int:
        """How often `text` spells a special token; `encode` makes plain text of each."""
        return len(self._special.findall(text)) if self.specials else 0

    def encode_framed(self, pieces: Iterable[tuple[str, bool]]) -> list[int]:
        """Token ids of (text, is it frame?) pieces: special tokens in a frame are tokens, elsewhere text.

        Between two special tokens frame and text are encoded as one, as the model was trained to read them.
        """
        ids: list[int] = []
        plain = ""
        for text, frame in pieces:
            parts = self._special.split(text) if frame and self.specials else [text]
            plain += parts[0]
            for special, behind in zip(parts[1::2], parts[2::2], strict=True):
                ids += [*self.encode(plain), self._added[special]] if plain else [self._added[special]]
                plain = behind
        return ids + self.encode(plain) if plain else ids

    @cached_property
    def _special(self) -> re.Pattern[str]:
        longest_first = sorted(self.specials, key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, longest_first))})")

    @cached_property
    def _newline(self) -> int | None:
        return newline_apart(self.tokenizer)

    @cached_property
    def _line(self) -> Callable[[str], list[int]]:
        return lru_cache(maxsize=50_000)(self._encode)

    @cached_property
    def _added(self) -> dict[str, int]:
        return {added.content: token for token, added in self.tokenizer.get_added_tokens_decoder().items()}

    def _encode(self, text: str) -> list[int]:
        try:
            encodings = self.tokenizer.encode_batch_fast([text], add_special_tokens=False)
        except TypeError:  # lone surrogates
            return self._encode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        except BaseException as error:
            raise _unspeakable(text, error) from error
        ids: list[int] = encodings[0].ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens spelled out."""
        try:
            text: str = self.tokenizer.decode(list(ids), skip_special_tokens=False)
        except BaseException as error:
            raise _unspeakable(" ".join(map(str, ids)), error) from error
        return text

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """Each token as the vocabulary spells it (byte-level: `Ġ` is a space, `Ċ` a newline)."""
        return [self.tokenizer.id_to_token(token) or "" for token in ids]

    def end_ids(self, end_token: str | None) -> list[int]:
        """The one token that ends a completion: of a template's `end_token`, or the tokenizer's own for None.

        A special token is named by its text. Raises UserError when it is not exactly one token.
        """
        if end_token is None:
            if self.eos_id is None:
                raise UserError('The model has no end token: set end_token in the template, such as "\\n".')
            return [self.eos_id]
        if end_token in self._added:
            return [self._added[end_token]]
        # Some tokenizers put a space before the first word: try behind a letter too.
        letter, behind = self.encode("a"), self.encode("a" + end_token)
        candidates = [self.encode(end_token)]
        if behind[: len(letter)] == letter:
            candidates.append(behind[len(letter) :])
        for ids in candidates:
            if len(ids) == 1:
                return ids
        raise UserError(
            f"The end_token {end_token!r} is {len(candidates[0])} tokens for this model, and must be one: "
            "choose another in the template, or leave it out to use the model's own."
        )


def _unspeakable(text: str, error: BaseException) -> BaseException:
    """What to raise for an `error` that tokenizing `text` gave.

    A panic of the native library is no Exception, and would pass every handler of one.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return error
    return UserError(
        f"The model's tokenizer cannot spell {clean(text)[:60]!r}: choose a model whose tokenizer "
        "can, or mend the text in the source and import again."
    )


def newline_apart(tokenizer: Tokenizer) -> int | None:
    """The token of a newline, when text may be encoded line by line with the very same result; else None.

    That holds where the tokenizer cuts every newline off before all else and no later step looks across the
    cut. Histories repeat their lines, so it makes long prompts several times cheaper.
    """
    model, normalizer, cutter = tokenizer.model, tokenizer.normalizer, tokenizer.pre_tokenizer
    if cutter is None or not isinstance(model, models.BPE) or model.dropout:
        return None
    if any(not added.special for added in tokenizer.get_added_tokens_decoder().values()):
        return None
    if normalizer is not None and json.loads(normalizer.__getstate__()) != {"type": "NFC"}:
        return None
    outer = json.loads(cutter.__getstate__())
    first, *later = outer.get("pretokenizers", [outer])
    cut = {"type": "Split", "behavior": "Isolated", "invert": False}
    patterns = ({"String": "\n"}, {"Regex": "\n"}, {"Regex": r"\n"})
    if first not in [{**cut, "pattern": pattern} for pattern in patterns]:
        return None
    if any(step["type"] not in ("ByteLevel", "Digits", "Split") for step in later):
        return None
    ids = tokenizer.encode("\n", add_special_tokens=False).ids
    return ids[0] if len(ids) == 1 else None


def load_tokenizer(folder: Path) -> TextTokenizer:
    """The tokenizer of a model folder: tokenizer.json, with what config.json and tokenizer_config.json say.

    Raises UserError when a file is missing or unreadable, or the context length is unknown.
    """
    if not is_folder(folder):
        raise UserError(
            f"The model folder {folder} is gone: put it back, or point to its new place with "
            "'promptrec model move NAME FOLDER'."
        )
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"Model folder {folder} has no tokenizer.json: choose a model that has one.")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the library raises nothing narrower, and a panic is no Exception
        raise UserError(f"{path} is not a readable tokenizer: {error}.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    config = _read(folder / "config.json")
    config = {**config, **(config.get("text_config") or {})}
    settings = _read(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").exists() else {}
    context = next((config[key] for key in CONTEXT_KEYS if isinstance(config.get(key), int)), 0)
    if config.get("model_type") in OFFSET:
        # Their positions begin behind that of padding.
        padding = config.get("pad_token_id")
        context -= (padding if isinstance(padding, int) else 1) + 1
    if context < 1:
        raise UserError(f"{folder / 'config.json'} gives no context length: add {CONTEXT_KEYS[0]}.")
    try:
        bos, eos = _bos(tokenizer, config, settings), _eos(tokenizer, config, settings)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise UserError(f"{path} is not a usable tokenizer: {error}.") from error
    file = folder / "chat_template.jinja"
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None
    named, map_file = settings, folder / "special_tokens_map.json"
    # As transformers does: the older file counts where the newer list of tokens is not there.
    if "added_tokens_decoder" not in settings and map_file.is_file():
        named = {**settings, **_read(map_file)}
    return TextTokenizer(tokenizer, bos, eos, context, read_chat_template(named, text, _content))


def _bos(tokenizer: Tokenizer, config: Mapping[str, Any], settings: Mapping[str, Any]) -> int | None:
    """The id to put first, where the tokenizer is meant to add one by its flag or else its post-processor."""
    try:
        bare, full = (tokenizer.encode("a", add_special_tokens=added).ids for added in (False, True))
    except Exception:  # the library raises nothing narrower where the vocabulary lacks even this
        bare, full = [], []
    added = full[0] if full and full[:1] != bare[:1] else None
    flag = settings.get("add_bos_token")
    if flag is False or (flag is None and added is None):
        return None
    return _first(config.get("bos_token_id"), added, _token(tokenizer, settings.get("bos_token")))


def _eos(tokenizer: Tokenizer, config: Mapping[str, Any], settings: Mapping[str, Any]) -> int | None:
    # An encoder of BERT's kind ends a text with its separator.
    ends = [_token(tokenizer, settings.get(name)) for name in ("eos_token", "sep_token")]
    return _first(ends[0], config.get("eos_token_id"), ends[1])


def _token(tokenizer: Tokenizer, token: Any) -> int | None:
    """The id of a token given as tokenizer_config.json gives it: text, or an object with `content`."""
    content = _content(token)
    number: int | None = None if content is None else tokenizer.token_to_id(content)
    return number


def _content(token: Any) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def _first(*ids: Any) -> int | None:
    """The first id there is; of a list of ids its first."""
    heads = (value[0] if isinstance(value, list) and value else value for value in ids)
    return next((head for head in heads if isinstance(head, int)), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"Model folder {path.parent} has no {path.name}: add the model again.") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} is not a JSON object: add the model again.")
    return value
