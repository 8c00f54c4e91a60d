"""Programs in the place of the tuning: runs that fail for a known reason, and go on when that is mended."""

from collections.abc import Callable

from promptrec_tui.runs.folder import RunFolder

Begin = Callable[[str], RunFolder]

ENOUGH = "enough"
"""The name of the file in the home that ends the runs which go on."""

_GO_ON = f"""
import time
from promptrec_tui.runs.diagnosis import gpu_memory
from promptrec_tui.runs.events import MetricEvent
from promptrec_tui.runs.phases import TRAINING
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.journal import Outcome

def go_on(folder, journal, desk):
    journal.phase(TRAINING, 0, 1000)
    for step in range(1, 1000):
        if desk.cancelled() or (folder.home.root / "{ENOUGH}").exists():
            break
        values = {{"train_loss": 3 / step ** 0.5}}
        journal.write(MetricEvent(step, values, total_steps=1000, epoch=step / 100))
        journal.got_to(step)
        time.sleep(0.1)
    return Outcome(State.PAUSED if desk.ending else State.DONE, "That is enough.", step)
"""

TOO_LARGE = f"""{_GO_ON}
def fine_tune(folder, device, journal, desk):
    spec = folder.spec()
    if spec.settings.train.accumulate > 1:
        return go_on(folder, journal, desk)
    remedy = gpu_memory(spec.name, 3, 1, 16, False, spec.settings.data.max_history)
    return Outcome(State.FAILED, remedy.reason, 2, remedy.settings)
"""
"""Fails as a step does that a GPU cannot hold, unless a setting is changed as the failure says."""

SHORT_OF_MEMORY = f"""{_GO_ON}
def fine_tune(folder, device, journal, desk):
    if journal.attempt == 1:
        raise MemoryError("no room for 4 GiB")
    return go_on(folder, journal, desk)
"""
"""Fails once, as on a machine that other programs fill."""
