"""All lints of one dataset, before an experiment is run."""

import time
from collections.abc import Callable
from typing import TypeVar

from promptrec_tui.datasets.dataset import Dataset
from promptrec_tui.datasets.event_lints import EVENT_LINTS, Records
from promptrec_tui.datasets.findings import SEVERITIES, Lint
from promptrec_tui.datasets.text_lints import TEXT_LINTS, Texts, private_texts
from promptrec_tui.datasets.title_lints import TITLE_LINTS

Progress = Callable[[str, int, int], None]
T = TypeVar("T")
Check = Callable[[], Lint | None]

PSEUDONYMS = "Replace them by pseudonyms: `dataset clean --step users=pseudonyms`."
READ_THEM = "Read them before you share data, model or screen; a pattern sees part of it only."


def lint_dataset(dataset: Dataset, progress: Progress, now: float | None = None) -> list[Lint]:
    """Everything the lints find in `dataset`, the serious first; `now` is in seconds since 1970."""
    progress("reading", 0, 0)
    items, users = dataset.items(), dataset.user_keys()
    texts = Texts(list(dataset.examples()))
    checks: dict[str, Check] = {}
    if users:
        records = Records(dataset.events(), items, users, time.time() if now is None else now)
        checks |= {lint.__name__: _bound(lint, records) for lint in EVENT_LINTS}
        checks["private_users"] = lambda: private_texts(users, "user keys", len(users), PSEUDONYMS)
    if items:
        titles = [item.title for item in items]
        checks |= {lint.__name__: _bound(lint, items) for lint in TITLE_LINTS}
        checks["private_titles"] = lambda: private_texts(titles, "titles", len(titles), READ_THEM)
    if texts.examples:
        checks |= {lint.__name__: _bound(lint, texts) for lint in TEXT_LINTS}
        checks["private_texts"] = lambda: private_texts(texts.texts, "texts", len(texts.texts), READ_THEM)
    findings = []
    for number, (name, check) in enumerate(checks.items()):
        progress(f"checking {name.replace('_', ' ')}", number, len(checks))
        if lint := check():
            findings.append(lint)
    progress("checking", len(checks), len(checks))
    return sorted(findings, key=lambda lint: SEVERITIES.index(lint.severity))


def _bound(lint: Callable[[T], Lint | None], subject: T) -> Check:
    return lambda: lint(subject)
