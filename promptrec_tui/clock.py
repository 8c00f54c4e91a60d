"""Times as they are written down: UTC, ISO 8601, to the second."""

from datetime import UTC, datetime


def now() -> str:
    """The current time."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def time_text(seconds: float) -> str:
    """The time of `seconds` since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
