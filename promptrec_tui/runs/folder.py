"""The run folder: the truth about a run, and the path of everything in it."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from promptrec_tui.errors import UserError
from promptrec_tui.files import LARGEST_JSON, open_regular, sync_folder, write_atomic
from promptrec_tui.home import Home
from promptrec_tui.runs.spec import RUN_ID, RunSpec
from promptrec_tui.text import clean

ATTEMPT = re.compile(r"([1-9][0-9]{0,8})")
REQUEST = re.compile(r"([0-9]{1,12})\.json")


def numbered(folder: Path, name: re.Pattern[str]) -> list[int]:
    """The numbers in the names in `folder` that fit `name`, rising; none where there is no such folder."""
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(match[1]) for entry in names if (match := name.fullmatch(entry)))


@dataclass(frozen=True)
class AttemptFolder:
    """`attempts/N`: one try at a run, never written again by a later one."""

    path: Path

    @property
    def number(self) -> int:
        return int(self.path.name)

    @property
    def run(self) -> "RunFolder":
        return RunFolder(self.path.parent.parent)

    @property
    def claim(self) -> Path:
        """The claimed devices: `{devices}`, written by the process that claimed the attempt."""
        return self.path / "claim.json"

    @property
    def started(self) -> Path:
        """The processes: `{time, supervisor, trainer}`."""
        return self.path / "started.json"

    @property
    def computing(self) -> Path:
        """What it computes with: `{device, precision, attention}`, written once the model is loaded."""
        return self.path / "computing.json"

    @property
    def exit(self) -> Path:
        """The verdict: `{code, signal, time, state, reason}`."""
        return self.path / "exit.json"

    @property
    def log(self) -> Path:
        """What the trainer and its supervisor printed."""
        return self.path / "log"


@dataclass(frozen=True)
class RunFolder:
    """`runs/<id>` and the places in it."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def home(self) -> Home:
        return Home(self.path.parent.parent)

    @property
    def spec_file(self) -> Path:
        return self.path / "run.json"

    @property
    def queue_file(self) -> Path:
        return self.path / "queue.json"

    @property
    def label(self) -> Path:
        """What people say of the run after it was made: `{name, tags, note, pinned, archived}`."""
        return self.path / "label.json"

    @property
    def queue_lock(self) -> Path:
        """Held for the moment in which the run is asked for, claimed, taken back or labelled."""
        return self.path / "queue.lock"

    @property
    def lock(self) -> Path:
        """Held by supervisor and trainer as long as one of them lives."""
        return self.path / "run.lock"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def heartbeat(self) -> Path:
        return self.path / "heartbeat.json"

    @property
    def reserve(self) -> Path:
        """Room on the disk for the last word, given up when there is no other."""
        return self.path / "reserve"

    @property
    def control(self) -> Path:
        return self.path / "control"

    @property
    def start(self) -> Path:
        """The adapter from which a continued run starts."""
        return self.path / "start"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def quarantine(self) -> Path:
        """Checkpoints that did not verify."""
        return self.path / "quarantine"

    @property
    def result(self) -> Path:
        return self.path / "result"

    @property
    def adapter(self) -> Path:
        return self.result / "adapter"

    @property
    def report(self) -> Path:
        return self.result / "report.json"

    @property
    def blend(self) -> Path:
        """The weights of the model and the baselines together, where they were fitted."""
        return self.result / "blend.json"

    @property
    def card(self) -> Path:
        return self.result / "README.md"

    def attempt(self, number: int) -> AttemptFolder:
        return AttemptFolder(self.path / "attempts" / str(number))

    def attempts(self) -> list[int]:
        """The numbers of the attempts there are, rising."""
        return numbered(self.path / "attempts", ATTEMPT)

    def requests(self) -> list[int]:
        """The numbers of what was asked of the run, rising."""
        return numbered(self.control, REQUEST)

    def request(self, number: int) -> Path:
        """`control/NNNN.json`."""
        return self.control / f"{number:04d}.json"

    @property
    def last_attempt(self) -> int:
        """The number of the last attempt; 0 before the first one."""
        return max(self.attempts(), default=0)

    @property
    def log(self) -> Path:
        """The log of the last attempt, or of the first one to come; it need not exist yet."""
        return self.attempt(self.last_attempt or 1).log

    def spec(self) -> RunSpec:
        """What the run is. Raises UserError when `run.json` is missing, damaged or of a newer format."""
        try:
            with open_regular(self.spec_file) as file:
                return RunSpec.model_validate_json(file.read(LARGEST_JSON))
        except FileNotFoundError:
            raise UserError(f"There is no run {clean(self.id)!r}: {self.spec_file} is missing.") from None
        except OSError as error:
            raise UserError(
                f"{self.spec_file} cannot be read ({error.strerror}): take the file from a backup."
            ) from None
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "its JSON"
            raise UserError(
                f"{self.spec_file} is damaged or was written by a newer promptrec (at {where}): "
                "update promptrec, or take the file from a backup."
            ) from None


def create_run(home: Home, spec: RunSpec, start: Path | None = None) -> RunFolder:
    """Make the folder of a new run: written under another name, synced to the disk, then renamed.

    It gets its own copy of the adapter `start`, whose run may be deleted before this one begins.

    Raises UserError when a run of that id exists, or the place cannot be written.
    """
    folder = RunFolder(home.runs / spec.id)
    if folder.path.exists():
        raise UserError(f"There is a run {spec.id!r} already: choose another id.")
    staging = RunFolder(home.runs / f".{spec.id}.{os.getpid()}.staging")
    try:
        for place in (staging.path, staging.path / "attempts", staging.control, staging.checkpoints):
            place.mkdir(mode=0o700)
        if start:
            shutil.copytree(start, staging.start)
        write_atomic(staging.spec_file, spec.model_dump_json(indent=1).encode())
        staging.path.rename(folder.path)
    except BaseException as error:
        shutil.rmtree(staging.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise UserError(f"Cannot make a run in {home.runs}: {error.strerror}.") from None
        raise
    sync_folder(home.runs)
    return folder


def find(home: Home, run_id: str) -> RunFolder:
    """The folder of a run by its id. Raises UserError when there is none."""
    folder = RunFolder(home.runs / run_id)
    if not re.fullmatch(RUN_ID, run_id) or not folder.spec_file.is_file():
        raise UserError(f"There is no run {clean(run_id)!r} in {home.runs}.")
    return folder


def run_folders(home: Home) -> list[RunFolder]:
    """Every run folder there is, by id; half-made ones are hidden."""
    if not home.runs.is_dir():
        return []
    folders = [RunFolder(path) for path in sorted(home.runs.iterdir()) if not path.name.startswith(".")]
    return [folder for folder in folders if is_run(folder)]


def is_run(folder: RunFolder) -> bool:
    """Whether a folder is a run's: it has a `run.json`, or attempts or events that show it had one."""
    parts = (folder.spec_file, folder.events, folder.path / "attempts")
    return folder.spec_file.is_file() or (
        bool(re.fullmatch(RUN_ID, folder.id)) and any(os.path.lexists(part) for part in parts)
    )
