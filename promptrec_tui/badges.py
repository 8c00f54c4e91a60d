"""How each state of a run is told, by list, run screen and commands: word, signs, colour, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Badge:
    """A state as people read it.

    `sign`, `ascii`: one cell, different for each state, so that no colour is needed. `colour`: a style of
    rich in the 16 colours of every terminal. `meaning`: a sentence, empty where the word says all. `advice`:
    what can be done, with the command; `{run}` is the run's name.
    """

    word: str
    sign: str
    ascii: str
    colour: str
    meaning: str = ""
    advice: str = ""

    def text(self, run: str) -> str:
        """Meaning and advice for the run of that name, quoted for a shell."""
        return " ".join(part for part in (self.meaning, self.advice.format(run=run)) if part)


STALLED, HELD = "stalled", "held"
"""Told instead of the state: of an active run that does not get on, and of a queued one that must wait."""

BADGES = {
    badge.word: badge
    for badge in (
        Badge("draft", "·", "_", "", "It is not queued."),
        Badge("queued", "○", "o", "cyan", "It starts when a device is free."),
        Badge(HELD, "=", "=", "cyan", "It waits.", "Let it start: promptrec run release {run}."),
        Badge("starting", "◌", ".", "yellow", "Its processes are starting."),
        Badge("running", "●", "*", "green"),
        Badge("pausing", "◐", ")", "yellow", "It saves a checkpoint and frees its device."),
        Badge("paused", "‖", '"', "yellow", "Its device is free.", "Go on: promptrec run resume {run}."),
        Badge("stopping", "◑", "(", "yellow", "It keeps its best adapter and ends."),
        Badge("stopped", "■", "#", "yellow", "", "Go on: promptrec run resume {run}."),
        Badge("done", "✓", "+", "bold green"),
        Badge(
            "failed",
            "✗",
            "x",
            "bold red",
            "",
            "Read its log (promptrec run logs {run}), mend the cause, then promptrec run resume {run}.",
        ),
        Badge(
            "interrupted",
            "!",
            "!",
            "red",
            "",
            "Go on from the last checkpoint: promptrec run resume {run}.",
        ),
        Badge(
            STALLED,
            "▲",
            "^",
            "bold red",
            "Its processes live and do not get on.",
            "Read its log (promptrec run logs {run}); if that says no more, promptrec run kill {run}.",
        ),
    )
}
"""By word, in the order of a run's life."""


def badge_of(state: str, stalled: bool = False, held: bool = False) -> Badge:
    """The badge of a run in that state. Of a state of a later version, its name alone."""
    word = STALLED if stalled else HELD if held else state
    return BADGES.get(word) or Badge(word, "?", "?", "")


_STEPS = {"done": "done", "now": "running", "waiting": "queued", "broken": "failed"}


def step_badge(state: str) -> Badge:
    """The badge of a phase of a run that is done, goes on now, waits, or was broken off."""
    return BADGES[_STEPS[state]]
