"""Writes results to benchmarks/RESULTS.md: one section per script, replaced at each run."""

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "RESULTS.md"
TITLE = "# What the benchmarks measured\n\nEach section is written by the script that its command names.\n"
PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "tokenizers", "numpy")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def verdict(measured: str, met: bool) -> str:
    """A result with its goal."""
    return f"{measured}: {'met' if met else '**missed**'}"


def section(title: str, threads: int, lines: Sequence[str]) -> str:
    """A whole section: when, where, with what and how it was measured, then `lines`."""
    facts = [
        f"## {title}",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}, {machine()}, {threads} threads, fp32, no GPU",
        f"- {versions()}",
        f"- `{_command()}`",
        "",
    ]
    return "\n".join([*facts, *lines]).rstrip() + "\n"


def publish(title: str, text: str, path: Path = RESULTS) -> None:
    """Put the section into the file, in the place of the one of that title."""
    old = path.read_text("utf-8") if path.exists() else TITLE
    head, *parts = old.split("\n## ")
    others = [part for part in parts if part.split("\n", 1)[0] != title]
    sections = sorted([*others, text.removeprefix("## ")])
    path.write_text("\n## ".join(part.rstrip("\n") + "\n" for part in [head, *sections]), "utf-8")


def machine() -> str:
    """Processor, cores, memory, system."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> str:
    """Python and the packages that matter."""
    lines = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} not installed")
    return ", ".join(lines)


def _command() -> str:
    """The command line, its folders by their last name only."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])
