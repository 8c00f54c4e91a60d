"""Disks that are full, limited or read-only (rows 14, 15, 16 and 31)."""

import os
import subprocess
from contextlib import suppress
from dataclasses import replace

from benchmarks.faults import fault_hooks
from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.oracle import START_RUN, check_finished, check_integrity, check_logs, refusal
from benchmarks.faults.places import BrokenError, Place, SkippedError
from benchmarks.faults.run_under_test import (
    Patient,
    begin,
    catalogue,
    checkpoints,
    expect,
    resume,
    until,
    wait_for_rest,
)
from benchmarks.faults.terminal import open_app
from promptrec_tui.errors import UserError
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.runs.checkpoints import newest_verified
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import Status
from promptrec_tui.store.templates import add_template, list_templates

DISK = "160m"


def full_for_a_run(case: Case) -> Tally:
    """The run folder's disk is filled to the last byte, or up to half a checkpoint."""
    _on_small_disk(case.place)
    patient = begin(case.place.home)
    until(lambda: checkpoints(patient), "A checkpoint")
    filler = case.place.home.root / "filler"
    _fill(filler, spare=(0, 300_000)[case.seed % 2])
    status = wait_for_rest(patient)
    filler.unlink()
    return _paused_and_resumed(case, patient, status)


def file_limit(case: Case) -> Tally:
    """No file of the trainer may grow beyond what a checkpoint needs (RLIMIT_FSIZE, as a quota does)."""
    with fault_hooks.plugged(case.place, fault_hooks.FILE_LIMIT.replace("BYTES", "120_000")):
        patient = begin(case.place.home)
        status = wait_for_rest(patient)
    return _paused_and_resumed(case, patient, status)


def _paused_and_resumed(case: Case, patient: Patient, status: Status) -> Tally:
    expect(status, {State.PAUSED}, ("full", "disk", "space"))
    if torn := checkpoints(patient, published=False):
        raise BrokenError(f"A torn checkpoint was left: {torn}")
    good = newest_verified(patient.folder)
    if checkpoints(patient) and (good is None or good.step != checkpoints(patient)[-1]):
        raise BrokenError("The last checkpoint is not intact.")
    check_logs(patient.folder.path)
    resume(patient)
    wait_for_rest(patient)
    check_finished(case.place, patient, case.twin)
    return Tally(1, status.reason)


def full_for_the_catalogue(case: Case) -> Tally:
    """Saving goes on until the catalogue's disk is full: what was acknowledged is there."""
    _on_small_disk(case.place)
    filler = case.place.home.root / "filler"
    template = next(known for known in builtin_templates() if known.name == "list")
    with catalogue(case.place.home) as workspace:
        before = len(list_templates(workspace.catalogue))
        _fill(filler, spare=100_000)
        saved, said = 0, ""
        while not said and saved < 10_000:
            try:
                text = template.prompt + "x" * 2000
                row = add_template(workspace.catalogue, replace(template, name=f"t{saved}", prompt=text))
                saved += row.name == f"t{saved}"
            except UserError as error:
                said = str(error)
        if "full" not in said:
            raise BrokenError(f"A full disk is told as: {said}")
        if len(list_templates(workspace.catalogue)) != before + saved:
            raise BrokenError("A template that was saved is gone.")
    check_integrity(case.place.home.database)
    filler.unlink()
    with catalogue(case.place.home) as workspace:
        add_template(workspace.catalogue, replace(template, name="after"))
    return Tally(1, f"{saved} saved, then: {said}")


def read_only(case: Case) -> Tally:
    """The home's file system is mounted read-only: commands name it, and the app opens and ends."""
    home = str(case.place.home.root)
    _mount("--bind", home, home)
    _mount("-o", "remount,ro,bind", home)
    said = refusal(case.place, *START_RUN)
    if home not in said or "Unexpected" in said:
        raise BrokenError(f"The sentence does not name the home: {said}")
    app = open_app(case.place)
    app.press("\x11")
    if (status := app.wait()) or "Traceback" in app.read():
        raise BrokenError(f"The app ended with {status}: {app.read()[-300:]}")
    return Tally(1, said)


def _on_small_disk(place: Place) -> None:
    """Move the home to a small disk of its own."""
    full = place.folder / "before"
    place.home.root.rename(full)
    place.home.root.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place.home.root))
    subprocess.run(["cp", "-a", f"{full}/.", str(place.home.root)], check=True)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SkippedError(f"no file system can be mounted here ({done.stderr.strip()})")


def _fill(filler: "os.PathLike[str]", spare: int) -> None:
    """Fill the disk with a file, except for `spare` bytes."""
    with open(filler, "wb", buffering=0) as file:
        for piece in (1 << 16, 512):
            with suppress(OSError):
                while file.write(bytes(piece)) == piece:
                    pass
        file.truncate(max(0, file.tell() - spare))
