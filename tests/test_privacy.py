"""What other users of the machine can see of a home and of the processes that work on it: nothing."""

import asyncio
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.errors import UserError
from promptrec_tui.files import delete
from promptrec_tui.home import VARIABLE, Home, exposed_at
from promptrec_tui.tui.child import run_child
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.runs import find_run, refresh
from promptrec_tui.workspace.scoring import open_scorer
from tests.waiting import wait_for

PROC = Path("/proc")
CANARY = "canary-5f1c"
SECRETS = (
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "WANDB_API_KEY",
    "CUDA_PASSWORD",
    "https_proxy",
    "MY_PASSWORD",
)
TEMPLATE = """
name = "private words"
task = "next_item"
language = "en"
prompt = "{% for item in history %}{{ item.title }}\\n{% endfor %}"
completion = "{{ item.title }}"
"""

linux = pytest.mark.skipif(not (PROC / "self/environ").exists(), reason="needs /proc")


@dataclass
class Seen:
    """What was to be seen of a home's processes: command lines, environments, listening sockets."""

    arguments: set[str] = field(default_factory=set)
    environments: dict[str, bytes] = field(default_factory=dict)
    listening: set[str] = field(default_factory=set)


@contextmanager
def watching(home: Home) -> Iterator[Seen]:
    """Look at all processes of a home, but this one, again and again."""
    seen, over = Seen(), threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            look(home, seen)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def look(home: Home, seen: Seen) -> None:
    listening = {
        line.split()[9]
        for table in ("net/tcp", "net/tcp6")
        if (PROC / table).exists()
        for line in (PROC / table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
    for place in PROC.iterdir():
        if not place.name.isdecimal() or int(place.name) == os.getpid():
            continue
        try:
            environment = (place / "environ").read_bytes()
            if f"{VARIABLE}={home.root}\0".encode() not in environment + b"\0":
                continue
            arguments = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            sockets = {str(entry.readlink()) for entry in (place / "fd").iterdir()}
        except OSError:
            continue
        seen.arguments.add(arguments)
        seen.environments[arguments] = environment
        seen.listening |= {arguments for inode in listening if f"socket:[{inode}]" in sockets}


@linux
def test_a_run_shows_nothing_to_other_users(
    home: Home, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, f"http://me:{CANARY}@proxy")
    template = shop / "words.toml"
    template.write_text(TEMPLATE)
    private = ("private", "Thing", str(shop), CANARY)
    source = ["dataset", "import", f"--items={shop / 'items.csv'}", "--name=private shop"]
    with watching(home) as seen:
        options = ["--progress=json", "--json", "--", str(shop / "events.csv")]
        asyncio.run(run_child(home, [*source, *options], lambda phase, done, total: None))
        assert run_command(["template", "save", str(template)]) == 0
        start = "run start --set train.max_steps=2 --set evaluation.users=4 --set evaluation.monitor_users=2"
        names = ["--name=private run", "--dataset=private shop", "--template=private words", "--model=tiny"]
        # The whole chain of processes begins without a mask.
        command = [sys.executable, "-m", "promptrec_tui", *start.split(), *names]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, umask=0)
        with opened(home) as workspace:

            def done() -> bool:
                refresh(workspace)
                return find_run(workspace, "private run").state == "done"

            wait_for(done)
            scorer = open_scorer(workspace, "private run")
            answer = scorer.top_k(["003", "004"], k=2)
            scorer.close()
    capsys.readouterr()
    assert answer.items

    modules = {"promptrec_tui.cli.unseen", "runs.supervisor", "tuning.worker", "serving.stdio"}
    for module in modules:
        assert [line for line in seen.arguments if module in line], module
    # What a person types is seen, too: only their own shell could help that.
    for line in seen.arguments - {line for line in seen.arguments if "run start" in line}:
        assert not [word for word in private if word in line], line
    for line, environment in seen.environments.items():
        # The app's own command may need the proxy and the token, to fetch a model.
        if "unseen" not in line and "promptrec_tui run" not in line:
            assert CANARY.encode() not in environment, line
            assert f"TMPDIR={home.temporary}".encode() in environment
    assert not seen.listening

    files = [home.root, *home.root.rglob("*")]
    assert len(files) > 40
    for path in files:
        assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def test_a_home_that_was_open_is_shut(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.mkdir()
    place.chmod(0o777)
    Home(place).create()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_home_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "theirs"
    place.mkdir()
    os.chown(place, 65534, 65534)
    with pytest.raises(UserError, match="belongs to another user"):
        Home(place).create()
    assert not any(place.iterdir())

    (tmp_path / "mine").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "mine")
    Home(link).create()
    os.chown(link, 65534, 65534, follow_symlinks=False)
    with pytest.raises(UserError, match="belongs to another user"):
        Home(link).create()


def test_a_folder_above_in_which_others_write_is_told(tmp_path: Path) -> None:
    home = tmp_path / "lab" / "me" / "home"
    home.mkdir(parents=True)
    before = exposed_at(home)
    (tmp_path / "lab").chmod(0o777)
    assert exposed_at(home) == tmp_path / "lab"
    (tmp_path / "lab").chmod(0o1777)
    assert exposed_at(home) == before
    with opened(Home(home)):
        pass


def test_deleting_follows_no_link(tmp_path: Path) -> None:
    root, outside = tmp_path / "home", tmp_path / "outside"
    (root / "runs" / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (root / "runs" / "a" / "inner").symlink_to(outside)
    (root / "runs" / "b").symlink_to(outside)
    (root / "elsewhere").symlink_to(outside)
    delete(root, root / "runs" / "a")
    delete(root, root / "runs" / "b")
    assert not list((root / "runs").iterdir())
    for path in (root / "elsewhere" / "kept", root / ".." / "outside", root, root / "runs" / "..", outside):
        with pytest.raises(UserError, match="does not lie in"):
            delete(root, path)
    assert (outside / "kept").read_text() == "kept"


def test_a_dataset_file_outside_the_home_is_not_deleted(
    home: Home, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["dataset", "import", str(shop / "events.csv"), "--name=shop"]) == 0
    with opened(home) as workspace, workspace.catalogue.write() as session:
        session.connection().exec_driver_sql("UPDATE dataset SET file = '../shop/items.csv'")
    assert run_command(["dataset", "delete", "shop"]) == 1
    assert "does not lie in" in capsys.readouterr().err
    assert (shop / "items.csv").exists()
