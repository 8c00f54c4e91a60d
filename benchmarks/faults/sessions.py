"""Faults of the app: killed, terminal closed, home removed (rows 5, 6 and 31)."""

from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.oracle import check_finished
from benchmarks.faults.places import BrokenError
from benchmarks.faults.run_under_test import at_rest, begin, wait_for_rest
from benchmarks.faults.terminal import open_app
from promptrec_tui.runs.liveness import lock_held

WALKS = ("1", "1\r", "1\r]", "1n", "1/", "2", "2i", "3", "4", "4n", "?", "\x10")
"""Keys that open every screen."""


def app_killed(case: Case) -> Tally:
    """SIGKILL on a random screen while a run trains."""
    struck = runs = 0
    while struck < case.blows:
        runs += 1
        patient = begin(case.place.home, f"run-{runs}")
        while struck < case.blows and not at_rest(patient):
            app = open_app(case.place)
            for key in case.chance.choice(WALKS):
                app.press(key)
                app.read(case.chance.uniform(0, 0.3))
            if not app.lives():
                raise BrokenError(f"The app ended by itself: {app.read()[-200:]}")
            going = lock_held(patient.folder.lock)
            app.close()
            struck += going
        wait_for_rest(patient)
        check_finished(case.place, patient, case.twin)
    open_app(case.place).close()
    return Tally(struck, f"beside {runs} run{'s' * (runs > 1)}")


def hung_up(case: Case) -> Tally:
    """The terminal is closed while a run trains: the app ends, the run continues, and the app opens again."""
    patient = begin(case.place.home, "goes-on")
    app = open_app(case.place)
    app.until("goes-on")
    app.press("2")
    app.read(1)
    app.hang_up()
    app.wait()
    if not (lock_held(patient.folder.lock) or at_rest(patient)):
        raise BrokenError("The run ended with the terminal.")
    wait_for_rest(patient)
    check_finished(case.place, patient, case.twin)
    again = open_app(case.place)
    again.until("shop")
    again.until("While you were away")
    again.close()
    return Tally(1)


def home_removed(case: Case) -> Tally:
    """The home is renamed while the app is open: the app reports it, and can be quit."""
    app = open_app(case.place)
    before = len(app.read(1))
    case.place.home.root.rename(case.place.folder / "elsewhere")
    for key in ("2", "3", "4", "1"):
        app.press(key)
        app.read(1.5)
    said = app.read()[before:]
    if not app.lives() or "Traceback" in said:
        raise BrokenError(f"The app fell over: {said[-300:]}")
    if case.place.home.root.exists():
        raise BrokenError(f"Something made {case.place.home.root} again.")
    if "home" not in said and "catalogue" not in said:
        raise BrokenError("The app does not say that its home is gone.")
    app.press("\x11")
    if (status := app.wait()) or "Traceback" in app.read():
        raise BrokenError(f"The app ended with {status}: {app.read()[-300:]}")
    return Tally(1)
