"""The documentation tells the truth: what it names exists, and what exists is named."""

import difflib
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from docs.generate import pages

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *DOCS.glob("*.md"))
}
ARCHITECTURE = TEXTS["docs/architecture.md"]
METHOD = TEXTS["docs/method.md"]
TREE = re.compile(r"^( +)(\S+?)(?:  +\S.*)?$", re.MULTILINE)


def section(text: str, heading: str) -> str:
    """The part of a page under a heading of the second level."""
    match = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"there is no section {heading!r}"
    return match[1]


def first_column(table: str) -> list[str]:
    """What stands in backticks in the first column of the tables of a text."""
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def agree(listed: Iterable[str], true: Iterable[str], page: str) -> None:
    """Fail with the names that a page lacks, and with those that are no more."""
    said, there = set(listed), set(true)
    differences = {"missing": sorted(there - said), "stale": sorted(said - there)}
    assert said == there, f"{page}: {differences}"


def plain(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.+)$", plain(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(text: str) -> Iterator[str]:
    """The inline code of a page, and the lines of its code blocks."""
    yield from re.findall(r"`([^`\n]+)`", plain(text))
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()


@pytest.mark.parametrize("path", sorted(pages()), ids=lambda path: path.name)
def test_generated_tables_are_what_the_program_has(path: Path) -> None:
    now, due = path.read_text(encoding="utf-8"), pages()[path]
    diff = "\n".join(
        difflib.unified_diff(now.splitlines(), due.splitlines(), "as it is", "as it should be", "", "", 0)
    )
    assert now == due, f"run `python docs/generate.py`:\n{diff}"


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_every_link_leads_somewhere(page: str) -> None:
    stale = []
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)#?([^)\s]*)\)", plain(TEXTS[page])):
        path = (ROOT / page).parent / target if target else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            stale.append(f"{target}#{anchor}")
    assert not stale, f"{page} links to what is not there: {stale}"


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_every_file_named_exists(page: str) -> None:
    package = ROOT / "promptrec_tui"
    tops = "|".join(("promptrec_tui", "tests", "docs", "benchmarks", "sample_data", "migrations"))
    inner = "|".join(path.name for path in package.iterdir() if path.is_dir())
    whole, within = re.compile(rf"({tops})/[\w./-]*"), re.compile(rf"({inner})/[\w/]+\.py")
    stale = [
        name
        for name in code(TEXTS[page])
        if (whole.fullmatch(name) and not (ROOT / name).exists())
        or (within.fullmatch(name) and not (ROOT / name).exists() and not (package / name).exists())
    ]
    assert not stale, f"{page} names files that are not there: {stale}"


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_every_name_is_in_the_file_that_is_named_with_it(page: str) -> None:
    constants = re.findall(r"`(\w+)`(?:,?\s+in\s+|\s+\()`(promptrec_tui/[\w/]+\.py)`", plain(TEXTS[page]))
    stale = [
        f"{name} in {file}"
        for name, file in constants
        if name not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert not stale, f"{page} names what is not there: {stale}"


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_every_command_and_option_named_exists(page: str) -> None:
    import typer.main

    from promptrec_tui.cli.main import command_app

    root: Any = typer.main.get_command(command_app())
    stale = []
    for line in code(TEXTS[page]):
        words = shlex.split(line, comments=True) if line.startswith("promptrec ") else []
        command = root
        for word in words[1:]:
            if word.startswith("--"):
                known = {name for parameter in command.params for name in (*parameter.opts, "--help")}
                if word.partition("=")[0] not in known:
                    stale.append(f"{word} of {line}")
            elif re.fullmatch(r"[a-z-]+", word) and hasattr(command, "commands"):
                if word not in command.commands:
                    stale.append(f"{word} of {line}")
                    break
                command = command.commands[word]
    assert not stale, f"{page} names commands or options that are not there: {stale}"


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_every_setting_named_exists(page: str) -> None:
    from promptrec_tui.runs.settings import GROUPS, setting_keys

    files = (".json", ".md", ".lock", ".py")
    named = re.findall(rf"(?<![\w.])((?:{'|'.join(GROUPS)})\.[a-z_]+)\b", " ".join(code(TEXTS[page])))
    stale = [name for name in named if name not in setting_keys() and not name.endswith(files)]
    assert not stale, f"{page} names settings that are not there: {stale}"


def test_the_tree_names_every_package_and_module() -> None:
    listed, folders = [], [Path()]
    tree = section(ARCHITECTURE, "Packages").partition("promptrec_tui/\n")[2].partition("```")[0]
    for indent, name in TREE.findall(tree):
        folders[len(indent) // 2 :] = [folders[len(indent) // 2 - 1] / name]
        listed.append(f"{folders[-1].as_posix()}/" if name.endswith("/") else folders[-1].as_posix())
    package = ROOT / "promptrec_tui"
    modules = {path.relative_to(package) for path in package.rglob("*.py")}
    packages = {f"{path.parent.as_posix()}/" for path in modules if path.name == "__init__.py"} - {"./"}
    true = {path.as_posix() for path in modules if path.name != "__init__.py"} | packages
    listed = [name for name in listed if name in true or not (package / name).exists()]
    agree(listed, true, "the tree in docs/architecture.md")
    assert len(listed) == len(set(listed)), "the tree in docs/architecture.md names something twice"


def test_the_table_of_packages_names_every_package() -> None:
    packages = {path.parent.name for path in (ROOT / "promptrec_tui").glob("*/__init__.py")}
    listed = first_column(section(ARCHITECTURE, "Packages"))
    agree(listed, packages, "the table of packages in docs/architecture.md")


def test_every_import_contract_is_told() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    listed = re.findall(r"^- \*\*(.+?)\*\*", section(ARCHITECTURE, "Import walls"), re.MULTILINE)
    agree(listed, (contract["name"] for contract in contracts), "docs/architecture.md (import walls)")


def test_every_event_kind_is_told_with_its_fields() -> None:
    from promptrec_tui.runs.events import KINDS

    text = section(ARCHITECTURE, "Events")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    listed = {f"{row[1].strip()} {row[2].strip()}" for row in rows}
    true = {
        f"`{kind}` {' '.join(f'`{field.name}`' for field in fields(kept))}" for kind, kept in KINDS.items()
    }
    agree(listed, true, "docs/architecture.md (events)")
    last = text.strip().splitlines()[-1]
    durable = {name for name, kind in KINDS.items() if kind.durable}
    agree(re.findall(r"`(\w+)`", last), durable, "docs/architecture.md (events on the disk at once)")


def test_every_file_of_a_run_folder_is_told() -> None:
    from promptrec_tui.runs.folder import AttemptFolder, RunFolder

    rows = first_column(section(ARCHITECTURE, "The run folder"))
    listed = {row.rstrip("/") for row in rows} | {row.partition("/")[0] for row in rows}
    run = RunFolder(Path("home/runs/id"))
    true = set()
    for place, parts in ((run, vars(RunFolder)), (run.attempt(1), vars(AttemptFolder))):
        values = [getattr(place, name) for name, part in parts.items() if isinstance(part, property)]
        true |= {value.relative_to(run.path).as_posix() for value in values if isinstance(value, Path)}
    missing = sorted({name.replace("attempts/1", "attempts/N") for name in true} - listed)
    assert not missing, f"docs/architecture.md (the run folder) lacks {missing}"


def test_every_process_is_a_module() -> None:
    for module in re.findall(r"python -m (promptrec_tui[\w.]+)", ARCHITECTURE):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module


def test_every_cleaning_step_is_told() -> None:
    from promptrec_tui.datasets.cleaning import STEPS

    listed = first_column(section(TEXTS["docs/formats.md"], "Cleaning"))
    agree((step.partition("=")[0] for step in listed), STEPS, "docs/formats.md (cleaning)")
    for name, choice in (step.split("=") for step in listed):
        assert re.fullmatch(STEPS[name].pattern, choice), f"docs/formats.md: {name}={choice}"


def test_every_format_is_told() -> None:
    from promptrec_tui.datasets.detection import FORMATS

    listed = first_column(TEXTS["docs/formats.md"].partition("## ")[0])
    agree(listed, FORMATS, "docs/formats.md (formats)")


def test_every_state_of_a_run_is_told() -> None:
    from promptrec_tui.runs.states import State

    listed = first_column(section(TEXTS["docs/queue.md"], "A run and its states"))
    agree(listed, (state.value for state in State), "docs/queue.md (states)")


def test_templates_are_told_as_they_are() -> None:
    from promptrec_tui.prompts.bounds import MOST_STEPS, MOST_TEXT
    from promptrec_tui.prompts.library import builtin_templates
    from promptrec_tui.prompts.template import VARIABLES, Template

    text = TEXTS["docs/templates.md"]
    listed = first_column(text.partition("## ")[0])
    agree(
        listed,
        [*(field.name for field in fields(Template)), *VARIABLES],
        "docs/templates.md (keys and tasks)",
    )
    for task, parts in VARIABLES.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{task}`")).split("|")
        for cell, names in zip(row[2:], parts.values(), strict=False):
            agree(re.findall(r"`(\w+)`", cell), names, f"docs/templates.md ({task})")
    assert f"{MOST_STEPS:,} steps" in text
    assert f"{MOST_TEXT:,} characters" in text
    assert len(builtin_templates()) == 30, "docs/templates.md says thirty"


def test_the_method_tells_every_metric_baseline_task_and_setting() -> None:
    from promptrec_tui.evaluation.baselines import fit_baseline
    from promptrec_tui.evaluation.label_baselines import BASELINES
    from promptrec_tui.evaluation.metrics import classification_metrics, ranking_metrics
    from promptrec_tui.evaluation.protocol import Protocol
    from promptrec_tui.prompts.template import VARIABLES
    from promptrec_tui.runs.settings import setting_keys
    from promptrec_tui.runs.spec import BaselineName, EvaluationSettings
    from promptrec_tui.runs.tuning_settings import METHODS

    metrics = {metric.name.replace("@7", "@k") for metric in (*ranking_metrics(7), *classification_metrics())}
    agree(first_column(section(METHOD, "Metrics")), metrics, "docs/method.md (metrics)")
    baselines = get_args(BaselineName)
    agree(first_column(section(METHOD, "Baselines")), baselines, "docs/method.md (baselines)")
    numpys = [name for name in baselines if name != "sasrec"]
    assert all(fit_baseline(name, [[0, 1], [1, 0]], 2).name == name for name in numpys)
    assert set(EvaluationSettings().baselines) < set(baselines)
    assert all(f"`{name}`" in section(METHOD, "Classifying texts") for name in BASELINES)
    assert set(VARIABLES) <= set(first_column(section(METHOD, "Tasks")))
    assert set(METHODS) <= set(first_column(section(METHOD, "Training"))), "docs/method.md (tuning methods)"
    lacking = [key for key in setting_keys() if f"`{key}`" not in METHOD]
    assert not lacking, f"docs/method.md does not say what {lacking} mean"
    protocol = section(METHOD, "What a number means")
    named = re.findall(r"`(\w+)`", protocol)
    lacking = [field.name for field in fields(Protocol) if field.name not in named]
    assert not lacking, f"docs/method.md does not name {lacking} of the protocol"


def test_the_method_has_the_constants_of_the_code() -> None:
    from promptrec_tui.evaluation.baselines import NEIGHBOURS
    from promptrec_tui.evaluation.ease import MOST_ITEMS, RIDGE
    from promptrec_tui.evaluation.histories import DECAY
    from promptrec_tui.evaluation.intervals import SAMPLES
    from promptrec_tui.tasks.defaults import SCALES
    from promptrec_tui.text import FEW
    from promptrec_tui.tuning import sasrec

    assert f"{SAMPLES:,} times" in section(METHOD, "Intervals")
    assert f"Fewer than {FEW} test users" in section(METHOD, "Intervals")
    assert f"{DECAY}^age(j)" in section(METHOD, "Baselines")
    assert f"among the {NEIGHBOURS} nearest" in section(METHOD, "Baselines")
    assert f"λ = {RIDGE:.0f}" in section(METHOD, "Baselines")
    assert f"more than {MOST_ITEMS:,} items" in section(METHOD, "Baselines")
    network = (
        f"{sasrec.BLOCKS} blocks, {sasrec.HEADS} heads, {sasrec.HIDDEN} numbers a state, dropout "
        f"{sasrec.DROPOUT}, the last {sasrec.LENGTH} events"
    )
    limits = f"{sasrec.EPOCHS} passes or {sasrec.SECONDS:.0f} seconds"
    training = f"{sasrec.PATIENCE} passes without a better one, {limits}"
    assert network in section(METHOD, "Baselines")
    assert training in section(METHOD, "Baselines")
    listed = re.findall(r"^\| (?:below|from) .+? \| (\S+) \|", section(METHOD, "Training"), re.MULTILINE)
    rates = [scale["train.learning_rate"] for _, scale in SCALES["next_item", "causal"]]
    assert [float(rate) for rate in listed] == rates, "docs/method.md (default learning rates)"
