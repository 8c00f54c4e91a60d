"""Base models from the Hugging Face hub: only the files that are used, and the weights last."""

import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.models.check import read_object
from promptrec_tui.models.config import config_problems
from promptrec_tui.models.weights import INDEX, SINGLE
from promptrec_tui.text import clean

PATTERNS = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
    "README.md",
    "LICENSE*",
    INDEX,
    SINGLE,
    "model-*-of-*.safetensors",
)
HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DownloadPlan:
    """What a download would fetch: `files` as (name, bytes), weights last, beside the `free` bytes there."""

    hub_id: str
    revision: str
    files: tuple[tuple[str, int], ...]
    size: int
    free: int


def check_hub_id(hub_id: str) -> str:
    """`hub_id` as it is. Raises UserError unless it reads like owner/name."""
    if not HUB_ID.fullmatch(hub_id) or ".." in hub_id:
        raise UserError(
            f'"{clean(hub_id)}" is no hub id: write owner/name, as in Qwen/Qwen3-0.6B, or a folder.'
        )
    return hub_id


def wanted_files(listing: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The (name, bytes) of a repository that a base model needs, the small files first.

    Raises UserError when there is no config, no tokenizer.json or no safetensors file, or when there is code.
    """
    files = dict(listing)
    if code := sorted(name for name in files if Path(name).suffix.startswith(".py")):
        raise UserError(f"The repository holds code ({clean(code[0])}); only models without are used.")
    wanted = {name: size for name, size in files.items() if any(fnmatchcase(name, p) for p in PATTERNS)}
    for needed in ("config.json", "tokenizer.json"):
        if needed not in wanted:
            raise UserError(f"The repository has no {needed}; choose a model that has one.")
    if SINGLE not in wanted and INDEX not in wanted:
        raise UserError("The repository has no safetensors weights; choose a model that has them.")
    if SINGLE in wanted:
        # Some repositories hold the same weights twice.
        wanted = {
            name: size for name, size in wanted.items() if name != INDEX and not fnmatchcase(name, "model-*")
        }
    return tuple(sorted(wanted.items(), key=lambda file: (file[0].endswith(".safetensors"), file[0])))


def plan_download(hub_id: str) -> DownloadPlan:
    """Ask the hub what `hub_id` holds, and pick the files to fetch.

    Raises UserError when the hub has no such open model, cannot be reached, or has it in an unusable form.
    """
    from huggingface_hub import HfApi

    check_hub_id(hub_id)
    with _hub_errors(hub_id):
        model = HfApi(token=False).model_info(hub_id, files_metadata=True)
    files = wanted_files((file.rfilename, file.size or 0) for file in model.siblings or [])
    place = find_home().models
    while not place.exists():
        place = place.parent
    size = sum(bytes_ for _, bytes_ in files)
    return DownloadPlan(hub_id, str(model.sha), files, size, shutil.disk_usage(place).free)


def download_model(hub_id: str, target: Path, progress: Progress | None = None) -> None:
    """Fetch the model into `target`; an interrupted download continues where it stopped.

    `progress` gets (hub id, bytes done, bytes in all), from another thread while a file is under way. The
    config is judged before any weights are fetched. Raises UserError as `plan_download` does, or when the
    config is refused; `target` is removed then.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    plan = plan_download(hub_id)
    disable_progress_bars()
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _watched(plan, target, progress), _hub_errors(hub_id):
        for name, _ in plan.files:
            hf_hub_download(hub_id, name, revision=plan.revision, local_dir=target, token=False)
            if name == "config.json":
                refuse_config(hub_id, target)
    # The hub's notes about an unfinished download have no place in a model folder.
    shutil.rmtree(target / ".cache", ignore_errors=True)


def refuse_config(hub_id: str, target: Path) -> None:
    """Raise UserError and remove `target` when its config.json is not that of a usable model."""
    try:
        problems = list(config_problems(read_object(target / "config.json")))
    except ValueError as error:
        problems = [str(error)]
    if problems:
        shutil.rmtree(target)
        raise UserError(f"{hub_id} cannot be used: {' '.join(problems)}")


def fetched_bytes(target: Path) -> int:
    """Bytes in `target`, unfinished files included."""
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


@contextmanager
def _watched(plan: DownloadPlan, target: Path, progress: Progress | None) -> Iterator[None]:
    """Report the bytes in `target` twice a second, and all of them at the end."""
    if progress is None:
        yield
        return
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.5):
            # A file may be renamed between the listing and the look at it.
            with suppress(FileNotFoundError):
                progress(plan.hub_id, min(fetched_bytes(target), plan.size), plan.size)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
    progress(plan.hub_id, plan.size, plan.size)


@contextmanager
def _hub_errors(hub_id: str) -> Iterator[None]:
    """Whatever goes wrong between here and the hub, as one sentence."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except UserError:
        raise
    except GatedRepoError:
        raise UserError(
            f"{hub_id} is only given to those who accepted its terms: "
            "fetch it with the hub's own command and add the folder."
        ) from None
    except RepositoryNotFoundError:
        raise UserError(f"The hub has no open model {hub_id}: check the id.") from None
    except Exception as error:
        # The hub's client raises the errors of several network libraries, and more of them with each release.
        reason = clean(str(error).strip().split("\n")[0]) or type(error).__name__
        raise UserError(
            f"{hub_id} cannot be fetched: {reason} Check the connection and try again."
        ) from error
